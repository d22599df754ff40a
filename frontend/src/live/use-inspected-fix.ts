import { useEffect, useRef, useState } from 'react';
import { useUrlState } from '../url/use-url-state';
import { useShownUes } from './shown-ues';

/** A followed UE's fix is looked into at most this often [ms], so that it can be read. */
const FOLLOW_MS = 2_000;

/** The fix that the inspector and the map explain: the held one, or the selected UE's latest. */
export function useInspectedFix(): string | null {
  const ue = useUrlState((state) => state.ue);
  const held = useUrlState((state) => state.fix);
  const ues = useShownUes();
  const latest = useRef(ues);
  const known = ue !== null && ue in ues;
  const [followed, setFollowed] = useState<{ ue: string; fix: string | null } | null>(null);

  useEffect(() => {
    latest.current = ues;
  }, [ues]);
  useEffect(() => {
    if (ue === null || held !== null || !known) return undefined;
    const look = () => setFollowed({ ue, fix: latest.current[ue]?.fix.properties.fix_id ?? null });
    look();
    const timer = window.setInterval(look, FOLLOW_MS);
    return () => window.clearInterval(timer);
  }, [ue, held, known]);

  if (held !== null) return held;
  return followed !== null && followed.ue === ue ? followed.fix : null;
}

/** The UEs that the console shows: live, or as they were at the time of playback. */
import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react';
import { MOST_TRACKS, useTracks } from '../api/get-tracks';
import { serviceNow_ms } from '../api/client';
import { useNow } from '../ui/use-now';
import { urlState, setUrlState, useUrlState } from '../url/use-url-state';
import type { LiveUe } from './live-state';
import { usePlayback } from './playback-store';
import { firstTime_ms, uesAt, type StoredTrack } from './replay';
import { ueMatches } from './ue-query';
import { uesOfScene, useSceneName } from './scene-ues';
import { useLiveUes } from './use-live-ues';

type Ues = Readonly<Record<string, LiveUe>>;

/** How far back playback reaches [ms]. */
export const SPAN_MS = 10 * 60_000;
const STEP_MS = 100;

export interface Shown {
  ues: Ues;
  /** null while live. */
  replay: {
    since_ms: number;
    until_ms: number;
    tracks: readonly StoredTrack[];
    loading: boolean;
    error: Error | null;
    /** UEs that are played back, and those left out for their number. */
    wanted: number;
    left_out: number;
  } | null;
}

const ShownContext = createContext<Shown>({ ues: {}, replay: null });

export function useShownUes(): Ues {
  return use(ShownContext).ues;
}

export function useReplay(): Shown['replay'] {
  return use(ShownContext).replay;
}

/** The time that ages are told against [ms]: now, or that of playback. */
export function shownNow_ms(): number {
  return urlState().time ?? serviceNow_ms();
}

/** The time that ages are told against [ms], renewed every second. */
export function useShownNow(): number {
  const now_ms = useNow();
  return useUrlState((state) => state.time) ?? now_ms;
}

/** Moves the time of playback on while it runs: from the first fix to the end of what is stored. */
function useClock(first_ms: number, until_ms: number, active: boolean): void {
  const playing = usePlayback((state) => state.playing);
  const speed = usePlayback((state) => state.speed);
  useEffect(() => {
    if (!active || !playing) return undefined;
    let last_ms = performance.now();
    const timer = window.setInterval(() => {
      const now_ms = performance.now();
      const next_ms = (urlState().time ?? until_ms) + (now_ms - last_ms) * speed;
      const time = Math.min(until_ms, Math.max(first_ms, next_ms));
      last_ms = now_ms;
      setUrlState({ time });
      if (time >= until_ms) usePlayback.setState({ playing: false });
    }, STEP_MS);
    return () => window.clearInterval(timer);
  }, [active, playing, speed, first_ms, until_ms]);
}

export function ShownUes({ children }: { children: ReactNode }) {
  const everywhere = useLiveUes();
  const scene = useSceneName();
  const live = useMemo(() => uesOfScene(everywhere, scene), [everywhere, scene]);
  const time = useUrlState((state) => state.time);
  const query = useUrlState((state) => state.query);
  const selected = useUrlState((state) => state.ue);
  const active = time !== null;
  const [span, setSpan] = useState<{ since_ms: number; until_ms: number; ids: string[] } | null>(
    null,
  );

  // The span and who is in it are settled when playback begins and somebody is known.
  const known = Object.keys(live).length > 0;
  if (!active && span !== null) setSpan(null);
  if (active && span === null && known) {
    const until_ms = Math.max(serviceNow_ms(), time);
    const others = Object.keys(live).filter(
      (id) => id !== selected && ueMatches(id, live[id], query),
    );
    const ids = selected === null ? others : [selected, ...others];
    setSpan({ since_ms: Math.min(until_ms - SPAN_MS, time), until_ms, ids });
  }
  const { tracks, loading, error } = useTracks(span);
  // Nobody wants to watch the minutes before somebody was there.
  const first_ms = useMemo(() => (loading ? -Infinity : firstTime_ms(tracks)), [loading, tracks]);
  useClock(first_ms, span?.until_ms ?? Infinity, active && span !== null);

  const ues = useMemo(() => (time === null ? live : uesAt(tracks, time)), [live, time, tracks]);
  const shown = useMemo<Shown>(
    () => ({
      ues,
      replay:
        span === null
          ? null
          : {
              ...span,
              tracks,
              loading,
              error,
              wanted: Math.min(MOST_TRACKS, span.ids.length),
              left_out: Math.max(0, span.ids.length - MOST_TRACKS),
            },
    }),
    [ues, span, tracks, loading, error],
  );
  return <ShownContext value={shown}>{children}</ShownContext>;
}

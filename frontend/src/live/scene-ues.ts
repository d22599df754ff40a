/** Fixes of all scenes come over one socket; the map shows one scene. */
import { useScenes } from '../api/get-scenes';
import { useUrlState } from '../url/use-url-state';
import type { LiveUe } from './live-state';

/** The shown scene: the chosen one, or the service's first. */
export function useSceneName(): string | null {
  const { data } = useScenes();
  const chosen = useUrlState((state) => state.scene);
  return chosen ?? data?.scenes[0]?.name ?? null;
}

/** Those whose latest fix is in a scene; the same object where that is all of them. */
export function uesOfScene(
  ues: Readonly<Record<string, LiveUe>>,
  scene: string | null,
): Readonly<Record<string, LiveUe>> {
  const inside = ({ fix }: LiveUe) => scene === null || fix.properties.scene === scene;
  if (Object.values(ues).every(inside)) return ues;
  return Object.fromEntries(Object.entries(ues).filter(([, ue]) => inside(ue)));
}

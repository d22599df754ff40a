/** A fix is live while it is younger than this [ms]. */
export const LIVE_MS = 5_000;
/** A fix this old [ms] has faded as far as it will. */
export const FADED_MS = 60_000;
const FADED_OPACITY = 0.3;

/** Opacity of a fix by its age: whole while live, then fading to a third. */
export function freshness(age_ms: number): number {
  const faded = Math.min(1, Math.max(0, (age_ms - LIVE_MS) / (FADED_MS - LIVE_MS)));
  return 1 - faded * (1 - FADED_OPACITY);
}

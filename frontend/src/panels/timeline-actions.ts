import { serviceNow_ms } from '../api/client';
import { usePlayback } from '../live/playback-store';
import { setUrlState, urlState } from '../url/use-url-state';

/** Playback begins this far back [ms]. */
const BEGIN_MS = 120_000;

export function startPlayback(): void {
  setUrlState({ time: serviceNow_ms() - BEGIN_MS, fix: null }, 'push');
  usePlayback.setState({ playing: true });
}

export function backToLive(): void {
  usePlayback.setState({ playing: false });
  setUrlState({ time: null, fix: null }, 'push');
}

export function stepTime(step_ms: number): void {
  const { time } = urlState();
  if (time !== null) setUrlState({ time: time + step_ms });
}

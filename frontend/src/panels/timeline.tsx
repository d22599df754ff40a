import './timeline.css';
import { useMemo } from 'react';
import { MOST_TRACKS } from '../api/get-tracks';
import { clock, percent } from '../format/format';
import { useEvents } from '../live/geofence-store';
import { SPEEDS, usePlayback } from '../live/playback-store';
import { useReplay } from '../live/shown-ues';
import { setUrlState, useUrlState } from '../url/use-url-state';
import { ErrorStatistics } from './error-statistics';
import { backToLive, startPlayback } from './timeline-actions';

/** Time on the bottom edge: live, or anywhere in the last ten minutes. */
export function Timeline() {
  const time = useUrlState((state) => state.time);
  const replay = useReplay();
  const { playing, speed } = usePlayback();
  const events = useEvents((state) => state.events);
  const marks = useMemo(
    () =>
      replay === null
        ? []
        : events.filter(({ time_ms }) => time_ms >= replay.since_ms && time_ms <= replay.until_ms),
    [events, replay],
  );
  if (time === null) {
    return (
      <section className="timeline timeline-live" aria-label="Timeline">
        <button type="button" className="chip" onClick={startPlayback}>
          Play back
        </button>
      </section>
    );
  }
  const since_ms = replay?.since_ms ?? time;
  const until_ms = Math.max(replay?.until_ms ?? time, since_ms + 1000);
  const jump = (direction: 1 | -1) => {
    const ordered = direction === 1 ? [...marks].reverse() : marks;
    const next = ordered.find(({ time_ms }) => (time_ms - time) * direction > 500);
    if (next) setUrlState({ time: next.time_ms, ue: next.ue_id, fix: null });
  };
  return (
    <section className="timeline" aria-label="Timeline">
      <div className="timeline-row">
        <button
          type="button"
          className="chip"
          aria-pressed={playing}
          onClick={() => {
            if (!playing && time >= until_ms) setUrlState({ time: since_ms });
            usePlayback.setState({ playing: !playing });
          }}
        >
          {playing ? 'Pause' : 'Play'}
        </button>
        <label className="timeline-speed">
          <span className="muted">Speed</span>
          <select
            className="field"
            value={speed}
            onChange={(event) => usePlayback.setState({ speed: Number(event.target.value) })}
          >
            {SPEEDS.map((option) => (
              <option key={option} value={option}>
                {option}×
              </option>
            ))}
          </select>
        </label>
        <output className="timeline-clock">{clock(time / 1000)}</output>
        <input
          type="range"
          className="timeline-slider"
          aria-label="Time of playback"
          aria-valuetext={clock(time / 1000)}
          min={since_ms}
          max={until_ms}
          step={500}
          value={Math.min(until_ms, Math.max(since_ms, time))}
          onChange={(event) => setUrlState({ time: Number(event.target.value), fix: null })}
        />
        {marks.length > 0 && (
          <>
            <button type="button" className="chip" onClick={() => jump(-1)}>
              Previous event
            </button>
            <button type="button" className="chip" onClick={() => jump(1)}>
              Next event
            </button>
          </>
        )}
        <button type="button" className="chip" onClick={backToLive}>
          Live
        </button>
      </div>
      {replay?.loading && (
        <p className="muted">
          Reading the last ten minutes: {replay.tracks.length} of {replay.wanted} UEs…
        </p>
      )}
      {replay?.error && <p className="inspector-error">History: {replay.error.message}</p>}
      {replay !== null && replay.left_out > 0 && (
        <p className="muted">
          Only {MOST_TRACKS} UEs are played back (
          {percent(MOST_TRACKS / (MOST_TRACKS + replay.left_out))}
          ): search for those you want first.
        </p>
      )}
      {replay !== null && <ErrorStatistics replay={replay} />}
    </section>
  );
}

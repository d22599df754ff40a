import './timeline.css';
import { useMemo } from 'react';
import { MOST_TRACKS } from '../api/get-tracks';
import { clock, number, percent } from '../format/format';
import { useEvents } from '../live/geofence-store';
import { SPEEDS, usePlayback } from '../live/playback-store';
import { useLive } from '../live/live-store';
import { SPAN_MS, useReplay } from '../live/shown-ues';
import { useNow } from '../ui/use-now';
import { setUrlState, useUrlState } from '../url/use-url-state';
import { ErrorStatistics } from './error-statistics';
import { backToLive, startPlayback } from './timeline-actions';

interface Controls {
  since_ms: number;
  until_ms: number;
  time: number;
}

/** Play or pause, how fast, and the time that is shown. */
function PlaybackControls({ since_ms, until_ms, time }: Controls) {
  const { playing, speed } = usePlayback();
  return (
    <>
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
    </>
  );
}

/** Time on the bottom edge: live, or anywhere in the last ten minutes. */
export function Timeline() {
  const time = useUrlState((state) => state.time);
  const replay = useReplay();
  const events = useEvents((state) => state.events);
  const marks = useMemo(
    () =>
      replay === null
        ? []
        : events.filter(({ time_ms }) => time_ms >= replay.since_ms && time_ms <= replay.until_ms),
    [events, replay],
  );
  const now_ms = useNow();
  const connected = useLive((state) => state.connection === 'live');
  const live = time === null;
  const shown_ms = time ?? now_ms;
  const since_ms = live ? now_ms - SPAN_MS : (replay?.since_ms ?? time);
  const until_ms = live ? now_ms : Math.max(replay?.until_ms ?? time, since_ms + 1000);
  const jump = (direction: 1 | -1) => {
    const ordered = direction === 1 ? [...marks].reverse() : marks;
    const next = ordered.find(({ time_ms }) => (time_ms - shown_ms) * direction > 500);
    if (next) setUrlState({ time: next.time_ms, ue: next.ue_id, fix: null });
  };
  return (
    <section className="timeline" data-live={live || undefined} aria-label="Timeline">
      <div className="timeline-row">
        {live ? (
          <>
            <button type="button" className="chip" onClick={startPlayback}>
              Play back
            </button>
            <span className="timeline-begin muted">{number(-SPAN_MS / 60_000)} min</span>
          </>
        ) : (
          <PlaybackControls since_ms={since_ms} until_ms={until_ms} time={time} />
        )}
        {/* The same element live and in playback: whoever drags it back goes on dragging. */}
        <input
          key="slider"
          type="range"
          className="timeline-slider"
          aria-label="Time of playback"
          aria-valuetext={live ? 'now' : clock(time / 1000)}
          min={since_ms}
          max={until_ms}
          step={500}
          value={Math.min(until_ms, Math.max(since_ms, shown_ms))}
          onChange={(event) =>
            setUrlState({ time: Number(event.target.value), fix: null }, live ? 'push' : 'replace')
          }
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
        {live ? (
          <span className="muted">now</span>
        ) : (
          <button type="button" className="chip" onClick={backToLive}>
            Live
          </button>
        )}
      </div>
      {!live && replay === null && connected && (
        <p className="muted">
          No fix has arrived yet: there is nothing to play back. It reaches over the last ten
          minutes.
        </p>
      )}
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

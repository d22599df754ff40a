import './alerts-panel.css';
import { age } from '../format/format';
import { clearEvents, useEvents } from '../live/geofence-store';
import type { EventType, Geofence } from '../live/geofences';
import { showOnMap } from '../ui/camera-store';
import { useNow } from '../ui/use-now';
import { useViewBounds } from '../ui/view-bounds';
import { setUrlState, useUrlState } from '../url/use-url-state';

const RADIUS_M = 60;

const EVENT_WORDS: Record<EventType, string> = {
  'area-entered': 'entered',
  'area-left': 'left',
  silent: 'fell silent',
};

function Fence({ fence, change }: { fence: Geofence; change: (next: Geofence | null) => void }) {
  return (
    <li className="fence">
      <input
        className="field"
        aria-label="Name of the geofence"
        maxLength={24}
        value={fence.name}
        onChange={(event) => change({ ...fence, name: event.target.value || '?' })}
      />
      <input
        className="field fence-radius"
        type="number"
        aria-label={`Radius of ${fence.name} in metres`}
        min={5}
        max={2000}
        value={fence.radius_m}
        onChange={(event) =>
          change({ ...fence, radius_m: Math.max(5, Number(event.target.value)) })
        }
      />
      <span className="muted">m</span>
      <button
        type="button"
        className="icon-button"
        aria-label={`Show ${fence.name} on the map`}
        onClick={() => showOnMap([fence.lon, fence.lat])}
      >
        <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
          <circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" strokeWidth="1.5" />
          <path d="M8 0v5M8 11v5M0 8h5M11 8h5" stroke="currentColor" strokeWidth="1.5" />
        </svg>
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={`Remove ${fence.name}`}
        onClick={() => change(null)}
      >
        ×
      </button>
    </li>
  );
}

/** Circles that are watched, and the log of who went in, out or silent. */
export function AlertsPanel() {
  const fences = useUrlState((state) => state.geofences);
  const events = useEvents((state) => state.events);
  const bounds = useViewBounds((state) => state.bounds);
  const now_ms = useNow();
  const replace = (at: number, next: Geofence | null) =>
    setUrlState({
      geofences: fences.flatMap((fence, i) => (i === at ? (next ?? []) : fence)),
    });
  const add = () => {
    if (!bounds) return;
    const [west, south, east, north] = bounds;
    const center = { lon: (west + east) / 2, lat: (south + north) / 2 };
    setUrlState({
      geofences: [...fences, { name: `Area ${fences.length + 1}`, radius_m: RADIUS_M, ...center }],
    });
  };
  return (
    <div className="alerts">
      <div className="ue-list-head">
        <h2>Geofences</h2>
        <button type="button" className="chip" onClick={add} disabled={!bounds}>
          Add at the centre
        </button>
      </div>
      {fences.length === 0 && (
        <p className="empty">
          No geofence yet. Move the map so that the place is in its middle and add one: the log then
          says who enters and leaves it. Geofences are part of the link.
        </p>
      )}
      <ul className="fences">
        {fences.map((fence, i) => (
          <Fence key={i} fence={fence} change={(next) => replace(i, next)} />
        ))}
      </ul>
      <div className="ue-list-head">
        <h2>
          Log <span className="count">{events.length}</span>
        </h2>
        {events.length > 0 && (
          <button type="button" className="chip" onClick={clearEvents}>
            Clear
          </button>
        )}
      </div>
      {events.length === 0 && (
        <p className="empty">
          Nothing happened yet: area-entered, area-left, and UEs without a fix for 30 s.
        </p>
      )}
      <ol className="events">
        {events.slice(0, 100).map((event, i) => (
          <li key={`${event.time_ms}-${event.ue_id}-${event.type}-${i}`}>
            <button
              type="button"
              className="ue-row event-row"
              onClick={() => setUrlState({ ue: event.ue_id, fix: null }, 'push')}
            >
              <span className="event-text">
                <b>{event.ue_id}</b> {EVENT_WORDS[event.type]} {event.area}
              </span>
              <span className="ue-age">{age(now_ms - event.time_ms)}</span>
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}

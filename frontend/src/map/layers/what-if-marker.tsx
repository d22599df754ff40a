import './what-if-marker.css';
import type { KeyboardEvent } from 'react';
import type { FixDetail, LonLat } from '../../api/types';
import { offset } from '../../geometry/local-metres';
import { suppose, useWhatIf } from '../../ui/what-if-store';
import { useEngine } from '../engine';

const STEP_M = 1;
const KEYS: Record<string, readonly [number, number]> = {
  ArrowUp: [0, STEP_M],
  ArrowDown: [0, -STEP_M],
  ArrowRight: [STEP_M, 0],
  ArrowLeft: [-STEP_M, 0],
};

/** A pin that can be dragged, or moved by the arrow keys, to suppose another position. */
export function WhatIfMarker({ fix }: { fix: FixDetail }) {
  const { Marker } = useEngine();
  const supposed = useWhatIf((state) => (state.fixId === fix.fix_id ? state.place : null));
  const [lon, lat]: LonLat = supposed ?? [fix.fix.lon, fix.fix.lat];
  const key = (event: KeyboardEvent) => {
    const step = KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const factor = event.shiftKey ? 10 : 1;
    suppose(fix.fix_id, offset([lon, lat], step[0] * factor, step[1] * factor));
  };
  return (
    <Marker
      longitude={lon}
      latitude={lat}
      draggable
      anchor="bottom"
      onDrag={({ lngLat }) => suppose(fix.fix_id, [lngLat.lng, lngLat.lat])}
    >
      <button
        type="button"
        className="what-if-pin"
        aria-label="Supposed position: drag it, or move it with the arrow keys"
        onKeyDown={key}
      >
        <svg width="28" height="36" viewBox="0 0 28 36" aria-hidden="true">
          <path d="M14 35C5 22 2 18 2 13a12 12 0 0 1 24 0c0 5-3 9-12 22z" />
          <circle cx="14" cy="13" r="4.5" />
        </svg>
      </button>
    </Marker>
  );
}

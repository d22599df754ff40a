import { useMemo } from 'react';
import { useDriveTest } from '../api/get-drive-test';
import type { LonLat } from '../api/types';
import { DIVERGING } from '../colour/ramps';
import { number, signed, withUnit } from '../format/format';
import { nearestPoint, summary } from '../geometry/drive-residuals';
import { usePointer } from '../ui/pointer-store';
import { useMedia } from '../ui/use-media';
import { useDebounced } from '../ui/use-debounced';
import { BEST_SERVER } from '../url/url-state';
import { Ramp } from './ramp';

const SETTLED_MS = 80;
const NEAR_M = 25;

function gradient(): string {
  const stops = DIVERGING.map(({ at, colour }) => `${colour} ${(50 * (at + 1)).toFixed(1)}%`);
  return `linear-gradient(to right, ${stops.join(', ')})`;
}

/** Colours of the drive test, how far it lies from the map, and the point at the cursor. */
export function DriveTestLegend({ scene, cell }: { scene: string; cell: string }) {
  const touch = useMedia('(hover: none)');
  const { data } = useDriveTest(scene, cell);
  const point = useDebounced(
    usePointer((state) => state.point),
    SETTLED_MS,
  );
  const all = useMemo(() => (data ? summary(data) : null), [data]);
  if (!data || !all || all.count === 0) return null;
  const at: LonLat | null = point && [point.lon, point.lat];
  const near = at && nearestPoint(data, at, NEAR_M)?.properties;
  const mark =
    near && near.residual_db !== null
      ? Math.min(1, Math.max(0, 0.5 + near.residual_db / all.limit_db / 2))
      : null;
  return (
    <section aria-label="Drive test" className="legend-part">
      <h2 className="legend-title">
        Drive test
        <span className="muted">
          measured − map · dB · {cell === BEST_SERVER ? 'strongest cell' : cell}
        </span>
      </h2>
      <Ramp
        gradient={gradient()}
        ticks={[-all.limit_db, 0, all.limit_db].map((tick) => signed(tick))}
        mark={mark}
      />
      <p className="muted">
        {all.count} points, rms {withUnit(number(all.rms_db, 1), 'dB')}, mean{' '}
        {withUnit(signed(all.mean_db, 1), 'dB')}
        {all.without > 0 && `; ${all.without} hollow ones where the map has no value`}
      </p>
      <p className="probe">
        {near ? (
          <>
            <output className="probe-value" data-testid="drive-residual">
              {near.residual_db === null
                ? 'No map here'
                : withUnit(signed(near.residual_db, 1), 'dB')}
            </output>
            <span className="muted">
              {near.cell_id} · {withUnit(number(near.rsrp_dbm, 1), 'dBm')} measured
              {near.expected_dbm !== null &&
                `, ${withUnit(number(near.expected_dbm, 1), 'dBm')} on the map`}
            </span>
          </>
        ) : (
          <span className="muted">
            {touch ? 'Tap' : 'Point at'} a place to read what was measured.
          </span>
        )}
      </p>
    </section>
  );
}

import { featureDecimals, metres, number, withUnit } from '../format/format';
import type { Probe } from '../api/types';
import { BEST_SERVER } from '../url/url-state';
import { probeValue } from './probe-value';

interface Props {
  /** undefined: nothing is pointed at; null: outside the map. */
  probe: Probe | null | undefined;
  feature: string;
  cell: string;
  unit: string;
  touch: boolean;
}

function details(parts: (string | false | null)[]): string {
  return parts.filter(Boolean).join(' · ');
}

/** The map's value where the pointer is, as the service answers it. */
export function ProbeReadout({ probe, feature, cell, unit, touch }: Props) {
  if (probe === undefined) {
    return <p className="probe muted">{touch ? 'Tap' : 'Point at'} the map to read its value.</p>;
  }
  if (probe === null) return <p className="probe muted">Outside the radio map.</p>;
  const found = probeValue(probe, feature, cell);
  const roof = probe.building_height_m !== null && probe.building_height_m > 0;
  return (
    <p className="probe">
      <output className="probe-value" data-testid="probe-value">
        {found === null || found.value === null
          ? 'No path'
          : withUnit(number(found.value, featureDecimals(feature)), unit)}
      </output>
      <span className="muted">
        {details([
          found !== null && cell === BEST_SERVER && found.cell.cell_id,
          found !== null && metres(found.cell.distance_m),
          found?.cell.los === true && 'line of sight',
          found?.cell.los === false && 'no line of sight',
          roof && `building ${metres(probe.building_height_m)}`,
        ])}
      </span>
    </p>
  );
}

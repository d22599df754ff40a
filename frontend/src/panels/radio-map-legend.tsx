import { useProbe } from '../api/get-probe';
import type { RadioMapInfo, Scene } from '../api/types';
import { number } from '../format/format';
import { useDebounced } from '../ui/use-debounced';
import { usePointer } from '../ui/pointer-store';
import { useMedia } from '../ui/use-media';
import { BEST_SERVER } from '../url/url-state';
import { ProbeReadout } from './probe-readout';
import { legendFraction, probeValue } from './probe-value';
import { Ramp } from './ramp';

const SETTLED_MS = 80;

function gradientOf({ legend }: RadioMapInfo): string {
  const stops = legend.stops.map(
    ({ value, color }) =>
      `${color} ${(legendFraction(value, legend.min, legend.max) * 100).toFixed(1)}%`,
  );
  return `linear-gradient(to right, ${stops.join(', ')})`;
}

interface Props {
  scene: Scene;
  info: RadioMapInfo;
  /** Values at the ends of the ramp; null takes the map's own. */
  range: readonly [number, number] | null;
  /** Below another one, which already says how to read a value. */
  second?: boolean;
}

/** Colours, units and the value at the cursor of the shown radio map. */
export function RadioMapLegend({ scene, info, range, second = false }: Props) {
  const pointer = usePointer((state) => state.point);
  const point = useDebounced(pointer, SETTLED_MS);
  const touch = useMedia('(hover: none)');
  const { data } = useProbe(scene.name, point);
  const probe = point === null ? undefined : data;
  const value = probe ? (probeValue(probe, info.feature, info.cell)?.value ?? null) : null;
  const [min, max] = range ?? [info.legend.min, info.legend.max];
  return (
    <>
      <h2 className="legend-title">
        {info.label}
        <span className="muted">
          {[
            info.unit === '1' ? '' : info.unit,
            info.cell === BEST_SERVER ? 'best server' : info.cell,
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </h2>
      <Ramp
        gradient={gradientOf(info)}
        ticks={[min, (min + max) / 2, max].map((tick) =>
          number(tick, Number.isInteger(tick) ? 0 : 1),
        )}
        mark={value === null ? null : legendFraction(value, min, max)}
      />
      {(probe !== undefined || !second) && (
        <ProbeReadout
          probe={probe}
          feature={info.feature}
          cell={info.cell}
          unit={info.unit}
          touch={touch}
        />
      )}
    </>
  );
}

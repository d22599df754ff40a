import './plot.css';
import { number } from '../format/format';
import { seriesColour } from '../colour/series';

export interface Series {
  name: string;
  points: readonly (readonly [number, number])[];
  dashed?: boolean;
}

interface Axis {
  unit: string;
  min: number;
  max: number;
  /** Position by the logarithm; needs min > 0. */
  log?: boolean;
}

interface Props {
  label: string;
  height: number;
  x: Axis;
  y: Axis;
  series: readonly Series[];
  width?: number;
}

const LEFT = 34;
const BOTTOM = 18;
const TOP = 6;
/** Room for half of the last tick, and for the unit after it. */
const RIGHT = 12;
const RIGHT_UNIT = 34;
const NICE = [1, 2, 5, 10];

/** Round values within an axis. */
export function ticksOf({ min, max, log }: Axis, count: number): number[] {
  if (log) {
    const first = Math.ceil(Math.log10(min));
    const last = Math.floor(Math.log10(max));
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => 10 ** (first + i));
  }
  const rough = (max - min) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (NICE.find((nice) => nice * power >= rough) ?? 10);
  const start = Math.ceil(min / step - 1e-9);
  return Array.from(
    { length: Math.floor(max / step + 1e-9) - start + 1 },
    (_, i) => (start + i) * step,
  );
}

function shareOf(value: number, { min, max, log }: Axis): number {
  return log
    ? Math.log(Math.max(value, min) / min) / Math.log(max / min)
    : (value - min) / (max - min);
}

/** Ticks as text: as many decimals as tell neighbours apart. */
export function tickTexts(ticks: readonly number[], log = false): string[] {
  const [first = 0, second] = ticks;
  const alone = String(Number(first.toFixed(3))).split('.')[1]?.length ?? 0;
  const decimals = (step: number) => Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const common = second === undefined ? alone : decimals(second - first);
  return ticks.map((tick) => (tick === 0 ? '0' : number(tick, log ? decimals(tick) : common)));
}

/** Lines over two axes, with units; the numbers stand in a table beside it. */
export function Plot({ label, height, x, y, series, width = 360 }: Props) {
  const right = x.unit === '' ? RIGHT : RIGHT_UNIT;
  const inner = { width: width - LEFT - right, height: height - BOTTOM - TOP };
  const px = (value: number) => LEFT + Math.min(1, shareOf(value, x)) * inner.width;
  const py = (value: number) => TOP + (1 - shareOf(value, y)) * inner.height;
  const along = ticksOf(x, 5);
  const alongTexts = tickTexts(along, x.log);
  const up = ticksOf(y, Math.max(2, Math.floor(inner.height / 26)));
  const upTexts = tickTexts(up, y.log);
  return (
    <svg className="plot" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {up.map((tick, i) => (
        <g key={tick}>
          <line className="plot-grid" x1={LEFT} x2={width - right} y1={py(tick)} y2={py(tick)} />
          <text className="plot-tick" x={LEFT - 5} y={py(tick) + 4} textAnchor="end">
            {upTexts[i]}
          </text>
        </g>
      ))}
      {along.map((tick, i) => (
        <text key={tick} className="plot-tick" x={px(tick)} y={height - 4} textAnchor="middle">
          {alongTexts[i]}
        </text>
      ))}
      {x.unit !== '' && (
        <text className="plot-tick" x={width} y={height - 4} textAnchor="end">
          {x.unit}
        </text>
      )}
      {series.map((one, i) => (
        <polyline
          key={one.name}
          className="plot-line"
          style={{ stroke: seriesColour(i) }}
          strokeDasharray={one.dashed ? '5 4' : undefined}
          points={one.points
            .filter(([at]) => at <= x.max * 1.0001)
            .map(([at, value]) => `${px(at).toFixed(1)},${py(value).toFixed(1)}`)
            .join(' ')}
        />
      ))}
    </svg>
  );
}

/** Names of lines beside their colours. */
export function PlotKey({ series }: { series: readonly Series[] }) {
  return (
    <ul className="plot-key">
      {series.map((one, i) => (
        <li key={one.name}>
          <span
            aria-hidden="true"
            style={{
              borderTopColor: seriesColour(i),
              borderTopStyle: one.dashed ? 'dashed' : 'solid',
            }}
          />
          {one.name}
        </li>
      ))}
    </ul>
  );
}

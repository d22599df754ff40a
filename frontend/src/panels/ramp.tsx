import './ramp.css';

interface Props {
  /** CSS gradient, smallest value left. */
  gradient: string;
  /** Texts under the ramp, evenly spread. */
  ticks: readonly string[];
  /** Where the value at the cursor stands [0..1]. */
  mark?: number | null;
}

/** A colour ramp with its values. */
export function Ramp({ gradient, ticks, mark = null }: Props) {
  return (
    <div className="ramp">
      <div className="ramp-bar" style={{ background: gradient }}>
        {mark !== null && <span className="ramp-mark" style={{ left: `${mark * 100}%` }} />}
      </div>
      <div className="ramp-ticks">
        {ticks.map((tick, i) => (
          <span key={i}>{tick}</span>
        ))}
      </div>
    </div>
  );
}

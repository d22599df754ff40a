import './stepper.css';

interface Props {
  /** Counted from 0. */
  index: number;
  count: number;
  label: string;
  noun: string;
  onChange: (index: number) => void;
}

/** One of several, with the one before and the one after. */
export function Stepper({ index, count, label, noun, onChange }: Props) {
  return (
    <div className="stepper" role="group" aria-label={noun}>
      <button
        type="button"
        className="icon-button"
        aria-label={`Previous ${noun}`}
        disabled={index <= 0}
        onClick={() => onChange(index - 1)}
      >
        ‹
      </button>
      <span>{label}</span>
      <button
        type="button"
        className="icon-button"
        aria-label={`Next ${noun}`}
        disabled={index >= count - 1}
        onClick={() => onChange(index + 1)}
      >
        ›
      </button>
    </div>
  );
}

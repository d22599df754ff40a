import './segmented.css';
import { useId } from 'react';

interface Props<T extends string> {
  label: string;
  options: readonly { id: T; label: string }[];
  current: T;
  onChange: (option: T) => void;
}

/** One choice out of a few, all visible: radio buttons in a row. */
export function Segmented<T extends string>({ label, options, current, onChange }: Props<T>) {
  const name = useId();
  return (
    <fieldset className="segmented">
      <legend>{label}</legend>
      <div className="segmented-options">
        {options.map((option) => (
          <label key={option.id}>
            <input
              type="radio"
              name={name}
              checked={option.id === current}
              onChange={() => onChange(option.id)}
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

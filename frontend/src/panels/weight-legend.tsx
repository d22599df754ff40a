import { SHOWN_DECADES, type Scaling } from '../colour/grid-image';
import { weightColour, weightOpacity } from '../colour/ramps';
import { percent } from '../format/format';
import { useColourScheme } from '../ui/use-colour-scheme';
import { Ramp } from './ramp';

const STEPS = 9;

interface Props {
  title: string;
  note: string;
  max: number;
  scaling: Scaling;
}

/** Colours of an overlay of weights, up to the largest one. */
export function WeightLegend({ title, note, max, scaling }: Props) {
  const scheme = useColourScheme();
  const stops = Array.from({ length: STEPS }, (_, i) => {
    const t = i / (STEPS - 1);
    return `rgb(${weightColour(t, scheme).join(' ')} / ${weightOpacity(t).toFixed(2)})`;
  });
  const ticks =
    scaling === 'linear'
      ? ['0', percent(max / 2, 2), percent(max, 2)]
      : [`≤ ${percent(max / 10 ** SHOWN_DECADES, 3)}`, percent(max, 1)];
  return (
    <>
      <h2 className="legend-title">
        {title}
        <span className="muted">{note}</span>
      </h2>
      <Ramp gradient={`linear-gradient(to right, ${stops.join(', ')})`} ticks={ticks} />
    </>
  );
}

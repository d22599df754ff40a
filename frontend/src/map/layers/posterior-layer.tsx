import { usePosterior } from '../../api/get-posterior';
import type { Scheme } from '../map-colours';
import { WeightGridLayer } from './weight-grid-layer';

/** Probability of each place given the reports, over three decades. */
export function PosteriorLayer({ fixId, scheme }: { fixId: string; scheme: Scheme }) {
  const { data } = usePosterior(fixId);
  if (!data) return null;
  return (
    <WeightGridLayer grid={data.grid} values={data.probability} scaling="decades" scheme={scheme} />
  );
}

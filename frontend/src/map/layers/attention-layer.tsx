import { useMemo } from 'react';
import { useAttention } from '../../api/get-attention';
import { blendAttention } from '../../colour/attention-blend';
import { useUrlState } from '../../url/use-url-state';
import type { Scheme } from '../map-colours';
import { WeightGridLayer } from './weight-grid-layer';

/** Where on the map the model looked for a fix: one layer and head, or blended. */
export function AttentionLayer({ fixId, scheme }: { fixId: string; scheme: Scheme }) {
  const { data } = useAttention(fixId);
  const layer = useUrlState((state) => state.layer);
  const head = useUrlState((state) => state.head);
  const values = useMemo(
    () => (data ? blendAttention(data.map_attention, layer, head) : []),
    [data, layer, head],
  );
  if (!data || values.length === 0) return null;
  return <WeightGridLayer grid={data.grid} values={values} scaling="linear" scheme={scheme} />;
}

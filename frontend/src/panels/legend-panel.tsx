import './legend-panel.css';
import { useMemo } from 'react';
import { useAttention } from '../api/get-attention';
import { useDriveTest } from '../api/get-drive-test';
import { usePosterior } from '../api/get-posterior';
import { useRadioMap } from '../api/get-radio-map';
import type { Scene } from '../api/types';
import { blendAttention } from '../colour/attention-blend';
import { metres } from '../format/format';
import { distance_m } from '../geometry/local-metres';
import { useUrlState } from '../url/use-url-state';
import { DriveTestLegend } from './drive-test-legend';
import { RadioMapLegend } from './radio-map-legend';
import { WeightLegend } from './weight-legend';

function largest(values: readonly number[]): number {
  return values.reduce((max, value) => Math.max(max, value), 0);
}

function AttentionLegend({ fixId }: { fixId: string }) {
  const { data } = useAttention(fixId);
  const layer = useUrlState((state) => state.layer);
  const head = useUrlState((state) => state.head);
  const max = useMemo(
    () => (data ? largest(blendAttention(data.map_attention, layer, head)) : 0),
    [data, layer, head],
  );
  if (!data) return null;
  return <WeightLegend title="Attention" note="share per map patch" max={max} scaling="linear" />;
}

function PosteriorLegend({ fixId }: { fixId: string }) {
  const { data } = usePosterior(fixId);
  const max = useMemo(() => (data ? largest(data.probability) : 0), [data]);
  if (!data) return null;
  const { corners, columns } = data.grid;
  const side = metres(distance_m(corners[3], corners[2]) / columns);
  return (
    <WeightLegend
      title="Posterior"
      note={`per square of ${side}, log`}
      max={max}
      scaling="decades"
    />
  );
}

/** What the colours on the map mean now. */
export function LegendPanel({ scene, fixId }: { scene: Scene; fixId: string | null }) {
  const { overlay, feature, cell, compare, range, hidden } = useUrlState((state) => state);
  const { data: radioMap } = useRadioMap(scene.name, feature, cell);
  const { data: compared } = useRadioMap(scene.name, compare, cell);
  const explained = fixId !== null && overlay !== 'none';
  const { data: driveTest } = useDriveTest(scene.name, cell);
  const driven = !explained && !hidden.includes('drive') && (driveTest?.features.length ?? 0) > 0;
  if (!explained && !driven && (feature === null || !radioMap)) return null;
  return (
    <section className="card legend" aria-label="Legend">
      {explained && overlay === 'attention' && <AttentionLegend fixId={fixId} />}
      {explained && overlay === 'posterior' && <PosteriorLegend fixId={fixId} />}
      {!explained && radioMap && <RadioMapLegend scene={scene} info={radioMap} range={range} />}
      {!explained && compare !== null && compared && (
        <RadioMapLegend scene={scene} info={compared} range={null} second />
      )}
      {driven && <DriveTestLegend scene={scene.name} cell={cell} />}
    </section>
  );
}

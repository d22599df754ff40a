import type { FixDetail } from '../../api/types';
import { zoomTo } from '../../ui/camera-store';
import { Segmented } from '../../ui/segmented';
import { setUrlState, useUrlState } from '../../url/use-url-state';

const OVERLAY_WORDS = [
  { id: 'attention', label: 'Attention' },
  { id: 'posterior', label: 'Posterior' },
  { id: 'none', label: 'Radio map' },
] as const;

interface ChoiceProps {
  label: string;
  count: number;
  value: number | null;
  onChange: (value: number | null) => void;
}

function BlendChoice({ label, count, value, onChange }: ChoiceProps) {
  return (
    <label className="blend-choice">
      <span>{label}</span>
      <select
        className="field"
        value={value ?? ''}
        onChange={(event) =>
          onChange(event.target.value === '' ? null : Number(event.target.value))
        }
      >
        <option value="">All, blended</option>
        {Array.from({ length: count }, (_, i) => (
          <option key={i} value={i}>
            {i + 1}
          </option>
        ))}
      </select>
    </label>
  );
}

interface Props {
  fix: FixDetail | undefined;
  layers: number;
  heads: number;
}

/** What the map shows about the fix. */
export function OverlayChoice({ fix, layers, heads }: Props) {
  const { overlay, layer, head } = useUrlState((state) => state);
  return (
    <div className="overlay-choice">
      <Segmented
        label="On the map"
        options={OVERLAY_WORDS}
        current={overlay}
        onChange={(next) => {
          setUrlState({ overlay: next });
          // A clear posterior is a few metres wide: from afar the marker would hide it.
          if (next === 'posterior' && fix) zoomTo(fix);
        }}
      />
      {overlay === 'attention' && (
        <div className="blend-choices">
          <BlendChoice
            label="Layer"
            count={layers}
            value={layer}
            onChange={(next) => setUrlState({ layer: next })}
          />
          <BlendChoice
            label="Head"
            count={heads}
            value={head}
            onChange={(next) => setUrlState({ head: next })}
          />
        </div>
      )}
    </div>
  );
}

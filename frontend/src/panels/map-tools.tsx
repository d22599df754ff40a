import './map-tools.css';
import { useState } from 'react';
import { withKey } from '../api/api-key';
import { useRadioMap } from '../api/get-radio-map';
import { useStatistics } from '../api/get-statistics';
import type { RadioMapInfo, Scene } from '../api/types';
import { fixesCsv, fixesGeoJson, fixesKml } from '../format/fix-files';
import { featureDecimals, number, percent, withUnit } from '../format/format';
import { useReplay, useShownUes } from '../live/shown-ues';
import { saveFile } from '../ui/save-file';
import { saveViewPicture } from '../ui/view-picture';
import { useViewBounds } from '../ui/view-bounds';
import { setUrlState, useUrlState } from '../url/use-url-state';
import { BEST_SERVER } from '../url/url-state';

const SIGNAL_FEATURES = ['sinr', 'snr', 'path_gain', 'throughput'];

/** Both ends of the colour ramp, as numbers and as handles. */
export function RangeHandles({ info }: { info: RadioMapInfo }) {
  const range = useUrlState((state) => state.range);
  const { min, max } = info.legend;
  const [low, high] = range ?? [min, max];
  const span = max - min;
  const step = span / 100;
  const set = (next: readonly [number, number]) =>
    setUrlState({
      range:
        next[0] <= min && next[1] >= max
          ? null
          : [Number(next[0].toFixed(4)), Number(next[1].toFixed(4))],
    });
  const handle = (label: string, value: number, change: (value: number) => void) => (
    <input
      type="range"
      // Of two thumbs at one end, the one that can still move lies on top.
      style={{ zIndex: value > (min + max) / 2 === (label === 'Lower end') ? 1 : 0 }}
      aria-label={`${label} of the ramp`}
      aria-valuetext={withUnit(number(value, featureDecimals(info.feature)), info.unit)}
      min={min}
      max={max}
      step={step}
      value={value}
      onChange={(event) => change(Number(event.target.value))}
    />
  );
  return (
    <div className="range-handles">
      {handle('Lower end', Math.max(min, low), (value) =>
        set([Math.min(value, high - step), high]),
      )}
      {handle('Upper end', Math.min(max, high), (value) => set([low, Math.max(value, low + step)]))}
    </div>
  );
}

/** Coverage, spread and best servers of what is in view. */
function ViewStatistics({ scene }: { scene: Scene }) {
  const { feature, cell } = useUrlState((state) => state);
  const bounds = useViewBounds((state) => state.bounds);
  const counted = SIGNAL_FEATURES.filter((name) =>
    scene.features.some((known) => known.name === name),
  );
  const shown = counted.find((name) => name === feature) ?? counted[0] ?? 'path_gain';
  const { data, error } = useStatistics(scene.name, shown, cell, bounds);
  const label = scene.features.find(({ name }) => name === shown)?.label ?? shown;
  if (error) return <p className="muted">No statistics: {error.message}</p>;
  if (!data) return <p className="muted">Counting…</p>;
  if (data.percentiles === null) return <p className="muted">Nothing of the map is in view.</p>;
  const [p5, , p50, , p95] = data.percentiles;
  const value = (x: number | undefined) => withUnit(number(x, featureDecimals(shown)), data.unit);
  return (
    <dl className="facts-list">
      <dt>Covered</dt>
      <dd>{percent(data.covered, 1)} of outdoors</dd>
      <dt>{label}</dt>
      <dd>
        {value(p50)} median
        <span className="muted">
          {' '}
          (90 % from {value(p5)} to {value(p95)})
        </span>
      </dd>
      {cell === BEST_SERVER && (
        <>
          <dt>Best servers</dt>
          <dd>
            {data.best_servers.slice(0, 3).map(({ cell_id, share }, i) => (
              <span key={cell_id}>
                {i > 0 && ', '}
                <span className="together">
                  {cell_id} {percent(share)}
                </span>
              </span>
            ))}
          </dd>
        </>
      )}
    </dl>
  );
}

/** Files of what is shown: the radio map, the view, and the fixes. */
function Exports({ scene }: { scene: Scene }) {
  const { feature, cell } = useUrlState((state) => state);
  const { data: info } = useRadioMap(scene.name, feature, cell);
  const ues = useShownUes();
  const replay = useReplay();
  const fixes = () =>
    replay === null
      ? Object.values(ues).map((ue) => ue.fix)
      : replay.tracks.flatMap((track) => track.fixes);
  const base = `${scene.name}-${feature ?? 'map'}-${cell}`;
  return (
    <div className="exports" role="group" aria-label="Export">
      <button type="button" className="chip" onClick={() => void saveViewPicture(scene.name)}>
        View PNG
      </button>
      {info && (
        <>
          <a className="chip" href={withKey(info.image)} download={`${base}.png`}>
            Map PNG
          </a>
          <a
            className="chip"
            href={withKey(
              `/api/v1/scenes/${encodeURIComponent(scene.name)}/radio-maps/${info.feature}.tif`,
            )}
            download={`${scene.name}-${info.feature}.tif`}
          >
            Map COG
          </a>
        </>
      )}
      <button
        type="button"
        className="chip"
        onClick={() => saveFile('fixes.csv', fixesCsv(fixes()), 'text/csv')}
      >
        Fixes CSV
      </button>
      <button
        type="button"
        className="chip"
        onClick={() => saveFile('fixes.geojson', fixesGeoJson(fixes()), 'application/geo+json')}
      >
        Fixes GeoJSON
      </button>
      <button
        type="button"
        className="chip"
        onClick={() =>
          saveFile('fixes.kml', fixesKml(fixes()), 'application/vnd.google-earth.kml+xml')
        }
      >
        Fixes KML
      </button>
    </div>
  );
}

/** What stands below the layers: statistics of the view, and files. */
export function MapTools({ scene }: { scene: Scene }) {
  // Every move of the map asks again: only while somebody looks.
  const [counting, setCounting] = useState(false);
  return (
    <>
      <details className="map-tool" onToggle={(event) => setCounting(event.currentTarget.open)}>
        <summary>Statistics of the view</summary>
        {counting && <ViewStatistics scene={scene} />}
      </details>
      <details className="map-tool">
        <summary>Export</summary>
        <Exports scene={scene} />
      </details>
    </>
  );
}

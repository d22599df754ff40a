import './layers-panel.css';
import { useState } from 'react';
import { useDriveTest } from '../api/get-drive-test';
import { useRadioMap } from '../api/get-radio-map';
import type { Scene } from '../api/types';
import { useMedia } from '../ui/use-media';
import { setUrlState, useUrlState } from '../url/use-url-state';
import { MapTools, RangeHandles } from './map-tools';
import { BEST_SERVER, TOGGLES, type Toggle } from '../url/url-state';

const TOGGLE_WORDS: Record<Toggle, string> = {
  labels: 'Labels',
  trails: 'Trails',
  ellipses: 'Ellipses',
  groups: 'Groups',
  sites: 'Sites',
  buildings: 'Buildings',
  geofences: 'Geofences',
  truth: 'True places',
  drive: 'Drive test',
};

/** What the map shows: the radio map's feature and cell, and the layers on top of it. */
export function LayersPanel({ scene }: { scene: Scene }) {
  const { feature, cell, compare, opacity, hidden } = useUrlState((state) => state);
  const playback = useUrlState((state) => state.time !== null);
  const { data: info } = useRadioMap(scene.name, feature, cell);
  const { data: driveTest } = useDriveTest(scene.name, BEST_SERVER);
  const inspecting = useUrlState((state) => state.ue !== null);
  const narrow = useMedia('(min-width: 761px) and (max-width: 1280px)');
  const [chosen, setChosen] = useState<boolean | null>(null);
  // Beside the inspector in a narrow window it would cover the map.
  const open = chosen ?? !(inspecting && narrow);
  // Some there is something of only at times.
  const offered: Partial<Record<Toggle, boolean>> = {
    truth: playback,
    drive: (driveTest?.features.length ?? 0) > 0,
  };
  const toggle = (name: Toggle) =>
    setUrlState({
      hidden: hidden.includes(name) ? hidden.filter((other) => other !== name) : [...hidden, name],
    });

  return (
    <details className="card layers" open={open}>
      <summary
        onClick={(event) => {
          event.preventDefault();
          setChosen(!open);
        }}
      >
        Layers
      </summary>
      <div className="layers-map">
        <label className="layers-field">
          <span>Radio map</span>
          <select
            className="field"
            value={feature ?? ''}
            onChange={(event) => setUrlState({ feature: event.target.value || null, range: null })}
          >
            <option value="">None</option>
            {scene.features.map((option) => (
              <option key={option.name} value={option.name}>
                {option.label}
              </option>
            ))}
          </select>
        </label>
        <label className="layers-field">
          <span>Cell</span>
          <select
            className="field"
            value={cell}
            disabled={feature === null}
            onChange={(event) => setUrlState({ cell: event.target.value })}
          >
            <option value={BEST_SERVER}>Best server</option>
            {scene.cells.map((id) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
        <label className="layers-field">
          <span>Compare</span>
          <select
            className="field"
            value={compare ?? ''}
            disabled={feature === null}
            onChange={(event) => setUrlState({ compare: event.target.value || null })}
          >
            <option value="">Nothing</option>
            {scene.features
              .filter(({ name }) => name !== feature)
              .map((option) => (
                <option key={option.name} value={option.name}>
                  {option.label}
                </option>
              ))}
          </select>
        </label>
        {info && (
          <div className="layers-field">
            <span>Range</span>
            <RangeHandles info={info} />
          </div>
        )}
        <label className="layers-field">
          <span>Opacity</span>
          <input
            type="range"
            min={0}
            max={100}
            step={5}
            value={opacity}
            disabled={feature === null}
            aria-valuetext={`${opacity} %`}
            onChange={(event) => setUrlState({ opacity: Number(event.target.value) })}
          />
        </label>
      </div>
      <div className="layers-toggles" role="group" aria-label="Shown on the map">
        {TOGGLES.filter((name) => offered[name] ?? true).map((name) => (
          <button
            key={name}
            type="button"
            className="chip"
            aria-pressed={!hidden.includes(name)}
            onClick={() => toggle(name)}
          >
            {TOGGLE_WORDS[name]}
          </button>
        ))}
      </div>
      <MapTools scene={scene} />
    </details>
  );
}

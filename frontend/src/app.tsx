import './app.css';
import { useEffect, useState } from 'react';
import { useScene } from './api/get-scene';
import { useScenes } from './api/get-scenes';
import { useInspectedFix } from './live/use-inspected-fix';
import { connectLive, useLive } from './live/live-store';
import { MapStage } from './map/map-stage';
import { ConnectionStatus } from './panels/connection-status';
import { Inspector } from './panels/inspector/inspector';
import { LayersPanel } from './panels/layers-panel';
import { LegendPanel } from './panels/legend-panel';
import { UeList } from './panels/ue-list';
import { Notice } from './ui/notice';
import { useUrlState } from './url/use-url-state';

type Sheet = 'ues' | 'layers';

export function App() {
  const scenes = useScenes();
  const chosenScene = useUrlState((state) => state.scene);
  const sceneName = chosenScene ?? scenes.data?.scenes[0]?.name ?? null;
  const scene = useScene(sceneName);
  const ue = useUrlState((state) => state.ue);
  const fixId = useInspectedFix();
  const [sheet, setSheet] = useState<Sheet | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const ueCount = useLive((state) => Object.keys(state.ues).length);
  const failure = scene.error ?? scenes.error;

  useEffect(connectLive, []);

  const toggle = (which: Sheet) => setSheet((open) => (open === which ? null : which));

  return (
    <div className="app" data-sheet={sheet ?? undefined} data-inspecting={ue !== null || undefined}>
      <header className="app-bar">
        <h1 className="app-name">RayFix</h1>
        <span className="app-scene">{scene.data?.title}</span>
        <ConnectionStatus />
      </header>
      <section className="dock dock-left" aria-label="UEs">
        <UeList onChosen={() => setSheet(null)} />
      </section>
      <main className="stage">
        {scene.data && <MapStage scene={scene.data} fixId={fixId} onNotice={setNotice} />}
        {scene.data && (
          <div className="stage-panels">
            <LayersPanel scene={scene.data} />
            <LegendPanel scene={scene.data} fixId={fixId} />
          </div>
        )}
        {failure && (
          <Notice tone="error">
            The service does not answer: {failure.message}. Check that it runs, then reload.
          </Notice>
        )}
        {notice !== null && <Notice onDismiss={() => setNotice(null)}>{notice}</Notice>}
      </main>
      {ue !== null && (
        <section className="dock dock-right" aria-label={`UE ${ue}`}>
          <Inspector key={ue} ueId={ue} fixId={fixId} />
        </section>
      )}
      <nav className="sheet-tabs" aria-label="Panels">
        <button type="button" aria-expanded={sheet === 'ues'} onClick={() => toggle('ues')}>
          UEs <span className="count">{ueCount}</span>
        </button>
        <button type="button" aria-expanded={sheet === 'layers'} onClick={() => toggle('layers')}>
          Layers
        </button>
      </nav>
    </div>
  );
}

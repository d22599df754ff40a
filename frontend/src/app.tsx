import './app.css';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { useApiKey } from './api/api-key';
import { useScene } from './api/get-scene';
import { useScenes } from './api/get-scenes';
import { useGeofenceWatch } from './live/geofence-store';
import { useInspectedFix } from './live/use-inspected-fix';
import { connectLive } from './live/live-store';
import { useSceneName } from './live/scene-ues';
import { useShownUes } from './live/shown-ues';
import { MapStage } from './map/map-stage';
import { AlertsPanel } from './panels/alerts-panel';
import { ConnectionStatus } from './panels/connection-status';
import { consoleShortcuts } from './panels/console-shortcuts';
import { EvaluationMissing } from './panels/evaluation/evaluation-missing';
import { HelpDialog } from './panels/help-dialog';
import { Inspector } from './panels/inspector/inspector';
import { KeyDialog } from './panels/key-dialog';
import { LayersPanel } from './panels/layers-panel';
import { LegendPanel } from './panels/legend-panel';
import { LocateDialog } from './panels/locate-dialog';
import { PageTabs } from './panels/page-tabs';
import { ScenePicker } from './panels/scene-picker';
import { StageNotices } from './panels/stage-notices';
import { Timeline } from './panels/timeline';
import { UeList } from './panels/ue-list';
import { useShortcuts } from './ui/shortcuts';
import { setUrlState, useUrlState } from './url/use-url-state';

const EvaluationPage = lazy(() =>
  import('./panels/evaluation/evaluation-page').then(
    ({ EvaluationPage: Page }) => ({ default: Page }),
    () => ({ default: EvaluationMissing }),
  ),
);

type Sheet = 'ues' | 'layers';
type OpenDialog = 'help' | 'locate';

export function App() {
  const scenes = useScenes();
  const sceneName = useSceneName();
  const { data: scene, error: sceneError } = useScene(sceneName);
  const ue = useUrlState((state) => state.ue);
  const page = useUrlState((state) => state.page);
  const panel = useUrlState((state) => state.panel);
  const refused = useApiKey((state) => state.refused);
  const fixId = useInspectedFix();
  // A link to the alerts shows them, on a phone too.
  const [sheet, setSheet] = useState<Sheet | null>(page === 'alerts' ? 'ues' : null);
  const [notice, setNotice] = useState<string | null>(null);
  const [dialog, setDialog] = useState<OpenDialog | null>(null);
  const ueCount = Object.keys(useShownUes()).length;
  const failure = sceneError ?? scenes.error;

  useEffect(connectLive, []);
  useGeofenceWatch();
  const shortcuts = useMemo(
    () =>
      consoleShortcuts({
        search: () => {
          setSheet('ues');
          setUrlState({ panel: true, page: 'map' });
          requestAnimationFrame(() => document.getElementById('ue-search')?.focus());
        },
        help: () => setDialog('help'),
        locate: () => setDialog('locate'),
        features: scene?.features.map(({ name }) => name) ?? [],
        fixId,
      }),
    [scene, fixId],
  );
  useShortcuts(shortcuts);

  const toggle = (which: Sheet) => setSheet((open) => (open === which ? null : which));

  return (
    <div
      className="app"
      data-sheet={sheet ?? undefined}
      data-inspecting={ue !== null || undefined}
      data-panel={panel ? 'open' : 'hidden'}
    >
      <header className="app-bar">
        <h1 className="app-name">RayFix</h1>
        <ConnectionStatus />
        <button
          type="button"
          className="icon-button panel-button"
          aria-expanded={panel}
          aria-controls="left-panel"
          aria-label={panel ? 'Hide the panel' : 'Show the panel'}
          title={panel ? 'Hide the panel (U)' : 'Show the panel (U)'}
          onClick={() => setUrlState({ panel: !panel })}
        >
          {panel ? '«' : '»'}
        </button>
        <button
          type="button"
          className="icon-button help-button"
          aria-label="Help and shortcuts"
          onClick={() => setDialog('help')}
        >
          ?
        </button>
        <ScenePicker scene={scene} />
      </header>
      <section className="dock dock-left" id="left-panel" aria-label="UEs">
        <PageTabs
          onLocate={() => setDialog('locate')}
          onPage={(chosen) => chosen === 'evaluation' && setSheet(null)}
        />
        <div className="dock-content">
          {page === 'alerts' ? (
            <AlertsPanel />
          ) : (
            <UeList scene={scene} onChosen={() => setSheet(null)} />
          )}
        </div>
      </section>
      <main className="stage">
        {scene && <MapStage scene={scene} fixId={fixId} onNotice={setNotice} />}
        {scene && (
          <div className="stage-panels">
            <LayersPanel scene={scene} />
            <LegendPanel scene={scene} fixId={fixId} />
          </div>
        )}
        <Timeline />
        {scene && page === 'evaluation' && (
          <Suspense fallback={null}>
            <EvaluationPage scene={scene} />
          </Suspense>
        )}
        <StageNotices failure={failure} notice={notice} onDismiss={() => setNotice(null)} />
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
      {dialog === 'help' && <HelpDialog shortcuts={shortcuts} onClose={() => setDialog(null)} />}
      {dialog === 'locate' && scene && (
        <LocateDialog scene={scene} onClose={() => setDialog(null)} />
      )}
      {refused && <KeyDialog />}
    </div>
  );
}

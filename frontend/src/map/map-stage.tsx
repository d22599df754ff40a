/** Chooses the map engine: Mapbox when the service has a token, MapLibre otherwise or after it. */
import { useEffect, useState } from 'react';
import { useConfig } from '../api/get-config';
import type { Scene } from '../api/types';
import { useColourScheme } from '../ui/use-colour-scheme';
import { EngineContext, ENGINE_LOADERS, engineFor, type Engine, type EngineName } from './engine';
import { engineFailureReason, isEngineFailure, type EngineError } from './engine-failure';
import { MapView } from './map-view';

/** Mapbox may never say that the network is silent. */
const MAPBOX_PATIENCE_MS = 10_000;

interface Props {
  scene: Scene;
  fixId: string | null;
  onNotice: (notice: string) => void;
}

function useEngineModule(name: EngineName | null, onNotice: Props['onNotice']): Engine | null {
  const [engine, setEngine] = useState<Engine | null>(null);
  useEffect(() => {
    if (name === null) return undefined;
    let current = true;
    ENGINE_LOADERS[name]().then(
      (loaded) => current && setEngine(loaded),
      () => current && onNotice('The map could not be loaded. Reload the page to try again.'),
    );
    return () => {
      current = false;
    };
  }, [name, onNotice]);
  return engine !== null && engine.name === name ? engine : null;
}

export function MapStage({ scene, fixId, onNotice }: Props) {
  const { data: config, isPending } = useConfig();
  const token = config?.mapbox_token ?? null;
  const scheme = useColourScheme();
  const [refused, setRefused] = useState(false);
  const [loaded, setLoaded] = useState<EngineName | null>(null);
  const choice = engineFor(refused ? null : token);
  const engine = useEngineModule(isPending ? null : choice, onNotice);

  const fail = (error: EngineError) => {
    if (choice !== 'mapbox') return;
    if (!isEngineFailure(error, loaded === 'mapbox', window.location.origin)) return;
    setRefused(true);
    onNotice(`${engineFailureReason(error)}: the map is drawn by MapLibre without a base map.`);
  };

  useEffect(() => {
    if (engine?.name !== 'mapbox' || loaded === 'mapbox') return undefined;
    const timer = window.setTimeout(() => fail({ message: 'no answer' }), MAPBOX_PATIENCE_MS);
    return () => window.clearTimeout(timer);
    // The wait starts with the engine, not with each new closure.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [engine, loaded]);

  if (engine === null) return null;
  // Another style of Mapbox is another map: layers cannot wait in one that is being exchanged.
  const look = engine.name === 'mapbox' ? scheme : 'any';
  return (
    <EngineContext value={engine}>
      <MapView
        key={`${engine.name} ${scene.name} ${look}`}
        scene={scene}
        fixId={fixId}
        onLoad={() => setLoaded(engine.name)}
        onError={fail}
      />
    </EngineContext>
  );
}

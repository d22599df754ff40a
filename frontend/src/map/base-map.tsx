import type { Scene } from '../api/types';
import { useEngine } from './engine';
import { GroundLayer } from './layers/ground-layer';
import { RoadsLayer } from './layers/roads-layer';
import { TerrainLayer } from './layers/terrain-layer';
import { WaterLayer } from './layers/water-layer';
import type { MapColours } from './map-colours';

/** Ground, hills, water and roads from the service, where no map of Mapbox's lies below. */
export function BaseMap({ scene, colours }: { scene: Scene; colours: MapColours }) {
  const { name } = useEngine();
  if (name === 'mapbox') return null;
  const { lon, lat } = scene.center;
  return (
    <>
      <GroundLayer colour={colours.ground} />
      {scene.terrain && <TerrainLayer terrain={scene.terrain} colours={colours} />}
      <WaterLayer scene={scene.name} colour={colours.water} />
      <RoadsLayer scene={scene.name} at={[lon, lat]} colours={colours} />
    </>
  );
}

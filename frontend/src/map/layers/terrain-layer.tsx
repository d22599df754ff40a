import type { RasterDEMSourceSpecification } from 'maplibre-gl';
import { withKey } from '../../api/api-key';
import type { Scene } from '../../api/types';
import { useEngine, type EngineName } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';

export const TERRAIN = 'terrain';

/** The map's own prop: which source it is draped over. */
export function drapedOver(scene: Scene, engine: EngineName) {
  return engine === 'maplibre' && scene.terrain ? { terrain: { source: TERRAIN } } : {};
}

interface Props {
  terrain: NonNullable<Scene['terrain']>;
  colours: MapColours;
}

/** Height of the ground: the engine drapes the map over it, and shades its slopes. */
export function TerrainLayer({ terrain, colours }: Props) {
  const { Source, Layer } = useEngine();
  const source: RasterDEMSourceSpecification = {
    type: 'raster-dem',
    tiles: [window.location.origin + withKey(terrain.tiles)],
    encoding: terrain.encoding,
    tileSize: terrain.tile_size,
    maxzoom: terrain.maxzoom,
  };
  return (
    <>
      <Source id={TERRAIN} {...source} />
      {/* One for the shape and one for the shade: the engine wants them at different zooms. */}
      <Source id="hillshade" {...source}>
        <Layer
          id="hillshade"
          type="hillshade"
          beforeId={slot('relief')}
          paint={{
            'hillshade-exaggeration': 0.5,
            'hillshade-shadow-color': colours.shade,
            'hillshade-highlight-color': colours.light,
            'hillshade-accent-color': colours.shade,
          }}
        />
      </Source>
    </>
  );
}

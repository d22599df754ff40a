import { useMemo } from 'react';
import type { FeatureCollection } from 'geojson';
import { useRoads } from '../../api/get-roads';
import type { LonLat, Roads } from '../../api/types';
import { CARRIAGEWAYS } from '../../geometry/road-width';
import { joined, straightPieces } from '../../geometry/street-lines';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';
import { labelImage, useLabelImages } from '../use-label-images';

const NAMES_FROM = 15;

/** The straight pieces of every street that has a name. */
function streetLines(roads: Roads): FeatureCollection {
  const named = new Map<string, LonLat[][]>();
  for (const { geometry, properties } of roads.features) {
    const { name, highway, tunnel } = properties;
    if (!name || tunnel || !CARRIAGEWAYS.includes(highway)) continue;
    if (geometry.type !== 'LineString') continue;
    const lines = named.get(name) ?? [];
    named.set(name, lines);
    lines.push(geometry.coordinates as LonLat[]);
  }
  return {
    type: 'FeatureCollection',
    features: [...named].flatMap(([name, lines]) =>
      joined(lines)
        .flatMap(straightPieces)
        .map((coordinates) => ({
          type: 'Feature' as const,
          properties: { name },
          geometry: { type: 'LineString' as const, coordinates },
        })),
    ),
  };
}

/** Names of streets along them, wherever nothing else has its name. */
export function StreetNamesLayer({ scene, colours }: { scene: string; colours: MapColours }) {
  const { Source, Layer } = useEngine();
  const { data } = useRoads(scene);
  const lines = useMemo(() => (data ? streetLines(data) : null), [data]);
  useLabelImages();
  if (!lines || lines.features.length === 0) return null;
  return (
    <Source id="street-names" type="geojson" data={lines}>
      <Layer
        id="street-names"
        type="symbol"
        beforeId={slot('sites')}
        minzoom={NAMES_FROM}
        layout={{
          'symbol-placement': 'line',
          'symbol-spacing': 400,
          'icon-image': labelImage({ ...colours, ink: colours.roadName }, ['get', 'name']),
          'icon-size': 0.9,
          'icon-padding': 8,
          'icon-keep-upright': true,
          'icon-pitch-alignment': 'viewport',
        }}
      />
    </Source>
  );
}

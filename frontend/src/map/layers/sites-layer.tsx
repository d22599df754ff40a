import { useMemo } from 'react';
import type { FeatureCollection } from 'geojson';
import { useCells } from '../../api/get-cells';
import type { Cells, LonLat } from '../../api/types';
import { sectorWedge } from '../../geometry/sector-wedge';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';

const WEDGE_RADIUS_M = 24;
const CHOSEN_RADIUS_M = 36;

function wedges(cells: Cells, chosen: string): FeatureCollection {
  return {
    type: 'FeatureCollection',
    features: cells.features.map(({ geometry, properties }) => {
      const isChosen = properties.cell_id === chosen;
      const ring = sectorWedge(
        geometry.coordinates as LonLat,
        properties.bearing_deg,
        isChosen ? CHOSEN_RADIUS_M : WEDGE_RADIUS_M,
      );
      return {
        type: 'Feature',
        properties: { cell_id: properties.cell_id, chosen: isChosen },
        geometry: { type: 'Polygon', coordinates: [ring] },
      };
    }),
  };
}

interface Props {
  scene: string;
  /** Cell whose radio map is shown; its sector is drawn larger. */
  chosen: string;
  colours: MapColours;
}

/** One wedge per cell towards its bearing, and a dot per site. */
export function SitesLayer({ scene, chosen, colours }: Props) {
  const { Source, Layer } = useEngine();
  const { data } = useCells(scene);
  const sectors = useMemo(() => (data ? wedges(data, chosen) : null), [data, chosen]);
  if (!data || !sectors) return null;
  return (
    <>
      <Source id="sectors" type="geojson" data={sectors}>
        <Layer
          id="sectors"
          type="fill"
          beforeId={slot('sites')}
          paint={{
            'fill-color': colours.site,
            'fill-opacity': ['case', ['get', 'chosen'], 0.75, 0.4],
          }}
        />
        <Layer
          id="sectors-outline"
          type="line"
          beforeId={slot('sites')}
          paint={{ 'line-color': colours.halo, 'line-width': 1 }}
        />
      </Source>
      <Source id="sites" type="geojson" data={data}>
        <Layer
          id="sites"
          type="circle"
          beforeId={slot('sites')}
          paint={{
            'circle-radius': 3,
            'circle-color': colours.site,
            'circle-stroke-color': colours.halo,
            'circle-stroke-width': 1.5,
          }}
        />
      </Source>
    </>
  );
}

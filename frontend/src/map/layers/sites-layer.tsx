import { useMemo } from 'react';
import type { FeatureCollection, Point } from 'geojson';
import type { ExpressionSpecification } from 'maplibre-gl';
import { useCells } from '../../api/get-cells';
import type { Cells, LonLat } from '../../api/types';
import { ellipseRing, type EllipseAxes } from '../../geometry/ellipse';
import { polar } from '../../geometry/local-metres';
import { sectorWedge } from '../../geometry/sector-wedge';
import { useEngine } from '../engine';
import type { MapColours } from '../map-colours';
import { slot } from '../slots';
import { labelImage, useLabelImages } from '../use-label-images';
import { wedgeImage, wedgeSize } from '../wedge-image';

const WEDGE_RADIUS_M = 24;
const CHOSEN_RADIUS_M = 36;
const LABEL_RADIUS_M = 32;
const OPACITY = 0.4;
const CHOSEN_OPACITY = 0.75;
export const SITE_NAMES_FROM = 15.5;
export const BEARINGS_FROM = 17;

function circleOf(radius_m: number): EllipseAxes {
  return { semi_major_m: radius_m, semi_minor_m: radius_m, orientation_deg: 0 };
}

function wedges(cells: Cells, chosen: string): FeatureCollection {
  return {
    type: 'FeatureCollection',
    features: cells.features.map(({ geometry, properties }) => {
      const isChosen = properties.cell_id === chosen;
      const place = geometry.coordinates as LonLat;
      const radius_m = isChosen ? CHOSEN_RADIUS_M : WEDGE_RADIUS_M;
      const { bearing_deg } = properties;
      const ring =
        bearing_deg === null
          ? ellipseRing(place, circleOf(radius_m))
          : sectorWedge(place, bearing_deg, radius_m);
      return {
        type: 'Feature',
        properties: { cell_id: properties.cell_id, chosen: isChosen },
        geometry: { type: 'Polygon', coordinates: [ring] },
      };
    }),
  };
}

/** Where labels stand: the site's name at the site, each bearing [deg] beyond its wedge. */
export function siteLabels(cells: Cells): FeatureCollection<Point> {
  const sites = new Set<string>();
  const label = (kind: 'site' | 'bearing', text: string, coordinates: LonLat) => ({
    type: 'Feature' as const,
    properties: { kind, text },
    geometry: { type: 'Point' as const, coordinates },
  });
  return {
    type: 'FeatureCollection',
    features: cells.features.flatMap(({ geometry, properties: { site_id, bearing_deg } }) => {
      const place = geometry.coordinates as LonLat;
      const bearings =
        bearing_deg === null
          ? []
          : [
              label(
                'bearing',
                `${bearing_deg.toFixed(0)}\u00b0`,
                polar(place, bearing_deg, LABEL_RADIUS_M),
              ),
            ];
      if (sites.has(site_id)) return bearings;
      sites.add(site_id);
      return [label('site', site_id, place), ...bearings];
    }),
  };
}

interface Props {
  scene: string;
  /** Cell whose radio map is shown; its sector is drawn larger. */
  chosen: string;
  /** Areas are draped over a ground that is not flat, and buildings hide them. */
  hilly: boolean;
  colours: MapColours;
}

/**
 * One wedge per cell towards its bearing (a circle where that is not known), and a dot per site;
 * ues/map-names.ts draws their names.
 */
export function SitesLayer({ scene, chosen, hilly, colours }: Props) {
  const { Source, Layer } = useEngine();
  const { data } = useCells(scene);
  const sectors = useMemo(
    () => (data && !hilly ? wedges(data, chosen) : null),
    [data, chosen, hilly],
  );
  const labels = useMemo(() => (data ? siteLabels(data) : null), [data]);
  useLabelImages();
  if (!data || !labels) return null;
  const [, lat = 0] = data.features[0]?.geometry.coordinates ?? [];
  const isChosen: ExpressionSpecification = ['==', ['get', 'cell_id'], chosen];
  return (
    <>
      {sectors && (
        <Source id="sectors" type="geojson" data={sectors}>
          <Layer
            id="sectors"
            type="fill"
            beforeId={slot('sites')}
            paint={{
              'fill-color': colours.site,
              'fill-opacity': ['case', ['get', 'chosen'], CHOSEN_OPACITY, OPACITY],
            }}
          />
          <Layer
            id="sectors-outline"
            type="line"
            beforeId={slot('sites')}
            paint={{ 'line-color': colours.halo, 'line-width': 1 }}
          />
        </Source>
      )}
      <Source id="sites" type="geojson" data={data}>
        {hilly && (
          <Layer
            id="sector-pictures"
            type="symbol"
            beforeId={slot('sites')}
            layout={{
              'icon-image': wedgeImage(colours, ['case', isChosen, CHOSEN_OPACITY, OPACITY]),
              'icon-size': wedgeSize(lat, ['case', isChosen, CHOSEN_RADIUS_M, WEDGE_RADIUS_M]),
              'icon-rotate': ['get', 'bearing_deg'],
              'icon-rotation-alignment': 'map',
              'icon-pitch-alignment': 'map',
              'icon-allow-overlap': true,
              'icon-ignore-placement': true,
            }}
          />
        )}
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
      {/* Seen by nobody: names of streets keep clear of where those of sites stand. */}
      <Source id="site-labels" type="geojson" data={labels}>
        <Layer
          id="site-names"
          type="symbol"
          beforeId={slot('fix')}
          minzoom={SITE_NAMES_FROM}
          filter={['==', ['get', 'kind'], 'site']}
          layout={{
            'icon-image': labelImage(colours, ['get', 'text']),
            'icon-anchor': 'bottom',
            'icon-offset': [0, -4],
          }}
          paint={{ 'icon-opacity': 0 }}
        />
      </Source>
    </>
  );
}

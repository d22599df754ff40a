/** deck.gl layers of the UEs; their data is flat arrays (ue-frame.ts). */
import { COORDINATE_SYSTEM, type Layer } from '@deck.gl/core';
import { ScatterplotLayer, TextLayer } from '@deck.gl/layers';
import type { LonLat } from '../../api/types';
import type { Cluster } from '../../geometry/clusters';
import type { Height } from '../../geometry/height';
import type { MapColours } from '../map-colours';
import { hexRgb, type Attribute } from './attribute';
import { DOT, ELLIPSE, LINE, NOSE, POINT } from './quad-kinds';
import { QuadLayer, type QuadKind } from './quad-layer';
import type { PlacedName } from './map-names';
import type { UeStyle } from './ue-frame';
import { nearness, type Project } from './ue-labels';
import type { Trails } from './ue-trails';
import type { Truths } from './ue-truth';

const FONT_PX = 12;
const FONT = '"Inter Variable", system-ui, sans-serif';

export interface UeLabel {
  text: string;
  place: LonLat;
  alpha: number;
}

/** A name of the map, and how much smaller to draw it to be as large as everywhere. */
export interface SizedName extends PlacedName {
  shrink: number;
}

export function sizedNames(
  names: readonly PlacedName[],
  { project, zoom }: { project: Project; zoom: number },
): SizedName[] {
  return names.map((name) => ({ ...name, shrink: 1 / nearness(name.place, project, zoom) }));
}

/** Names of sites and geofences over the dots, told from those of UEs by having no ground. */
function nameLayer(
  base: object,
  colours: MapColours,
  onGround: OnGround,
  data: readonly SizedName[],
): Layer {
  return new TextLayer({
    ...base,
    id: 'map-names',
    coordinateSystem: COORDINATE_SYSTEM.LNGLAT,
    data,
    getText: ({ text }: SizedName) => text,
    getPosition: ({ place }: SizedName) => onGround(place),
    getColor: [...hexRgb(colours.ink), 255],
    getPixelOffset: ({ offset_px: [x, y], shrink }: SizedName) => [x * shrink, y * shrink],
    getSize: ({ shrink }: SizedName) => FONT_PX * shrink,
    fontFamily: FONT,
    fontWeight: 600,
    // An outline needs a distance field.
    fontSettings: { fontSize: 48, buffer: 10, sdf: true, radius: 14, cutoff: 0.23 },
    outlineWidth: 7,
    outlineColor: [...hexRgb(colours.halo), 255],
    characterSet: 'auto',
  });
}

/** Of the circle that stands for so many UEs. */
export function circleRadius_px(count: number): number {
  return 10 + 2.2 * Math.sqrt(count);
}

export interface UePicture {
  origin: LonLat;
  /** [lon, lat] relative to the origin, and the height of the ground. */
  position: Attribute;
  heads: Attribute;
  style: UeStyle;
  trails: Trails | null;
  truths: Truths | null;
  ellipses: boolean;
  selectedAt: LonLat | null;
  clusters: readonly Cluster[];
  labels: readonly UeLabel[];
  height: Height;
  names: readonly SizedName[];
}

type OnGround = (place: LonLat) => [number, number, number];

function textLayer(
  id: string,
  base: object,
  colours: MapColours,
  onGround: OnGround,
  data: readonly { text: string; place: LonLat; alpha: number }[],
  offset: [number, number],
): Layer {
  const ink = hexRgb(colours.ink);
  return new TextLayer({
    ...base,
    id,
    coordinateSystem: COORDINATE_SYSTEM.LNGLAT,
    data,
    getText: (label: UeLabel) => label.text,
    getPosition: (label: UeLabel) => onGround(label.place),
    getColor: (label: UeLabel) => [...ink, label.alpha],
    getPixelOffset: offset,
    getTextAnchor: offset[0] === 0 ? 'middle' : 'start',
    getSize: FONT_PX,
    fontFamily: FONT,
    fontWeight: 600,
    // Twice the size that is drawn: sharp on any screen.
    fontSettings: { fontSize: 24, buffer: 4 },
    background: true,
    getBackgroundColor: [...hexRgb(colours.halo), 205],
    backgroundPadding: [3, 1],
    characterSet: 'auto',
  });
}

export function ueLayers(picture: UePicture, colours: MapColours): Layer[] {
  const { style, origin, trails, truths, height } = picture;
  const onGround: OnGround = ([lon, lat]) => [lon, lat, height(lon, lat)];
  const accent = hexRgb(colours.accent);
  const base = {
    coordinateSystem: COORDINATE_SYSTEM.LNGLAT_OFFSETS,
    coordinateOrigin: [...origin, 0] as [number, number, number],
    pickable: false,
    parameters: { depthCompare: 'always' as const, depthWriteEnabled: false },
  };
  const quads = (
    id: string,
    kind: QuadKind,
    count: number,
    arrays: Readonly<Record<string, Attribute>>,
  ) => new QuadLayer({ ...base, id, kind, count, arrays });
  const places = picture.position;
  const layers: (Layer | null)[] = [
    picture.ellipses
      ? quads('ue-ellipses', ELLIPSE, style.count, {
          places,
          colours: style.colour,
          ellipses: style.ellipse,
          fills: style.fill,
        })
      : null,
    trails &&
      quads('ue-trails', LINE, trails.count, {
        sources: trails.source,
        targets: trails.target,
        colours: trails.colour,
        fades: trails.fade,
      }),
    trails &&
      quads('ue-trail-heads', LINE, style.count, {
        sources: picture.heads,
        targets: places,
        colours: style.colour,
        fades: style.solid,
      }),
    quads('ue-headings', NOSE, style.count, {
      places,
      colours: style.headingColour,
      headings: style.heading,
    }),
    truths &&
      quads('ue-truth-lines', LINE, truths.count, {
        sources: truths.fix,
        targets: truths.place,
        colours: truths.colour,
        fades: truths.solid,
      }),
    truths &&
      quads('ue-truths', POINT, truths.count, { places: truths.place, colours: truths.colour }),
    quads('ue-dots', DOT, style.count, { places, colours: style.colour }),
    picture.selectedAt &&
      new ScatterplotLayer({
        ...base,
        id: 'ue-selected',
        coordinateSystem: COORDINATE_SYSTEM.LNGLAT,
        data: [picture.selectedAt],
        getPosition: onGround,
        getRadius: 13,
        radiusUnits: 'pixels',
        filled: false,
        stroked: true,
        getLineColor: [...accent, 255],
        getLineWidth: 2.5,
        lineWidthUnits: 'pixels',
        billboard: true,
      } as ConstructorParameters<typeof ScatterplotLayer>[0]),
    picture.clusters.length > 0
      ? new ScatterplotLayer({
          ...base,
          id: 'ue-clusters',
          coordinateSystem: COORDINATE_SYSTEM.LNGLAT,
          data: picture.clusters,
          getPosition: (one: Cluster) => onGround(one.center),
          getRadius: (one: Cluster) => circleRadius_px(one.count),
          radiusUnits: 'pixels',
          getFillColor: [...hexRgb(colours.halo), 220],
          stroked: true,
          getLineColor: [...accent, 255],
          getLineWidth: 2.5,
          lineWidthUnits: 'pixels',
          billboard: true,
        } as ConstructorParameters<typeof ScatterplotLayer>[0])
      : null,
    picture.clusters.length > 0
      ? textLayer(
          'ue-cluster-counts',
          base,
          colours,
          onGround,
          picture.clusters.map(({ center, count }) => ({
            text: String(count),
            place: center,
            alpha: 255,
          })),
          [0, 0],
        )
      : null,
    picture.names.length > 0 ? nameLayer(base, colours, onGround, picture.names) : null,
    picture.labels.length > 0
      ? textLayer('ue-labels', base, colours, onGround, picture.labels, [14, 0])
      : null,
  ];
  return layers.filter((layer) => layer !== null);
}

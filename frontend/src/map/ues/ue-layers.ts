/** deck.gl layers of the UEs; their data is flat arrays (ue-frame.ts). */
import { COORDINATE_SYSTEM, type Layer } from '@deck.gl/core';
import { IconLayer, LineLayer, ScatterplotLayer, TextLayer } from '@deck.gl/layers';
import type { LonLat } from '../../api/types';
import type { Cluster } from '../../geometry/clusters';
import type { MapColours } from '../map-colours';
import { hexRgb, type Attribute } from './attribute';
import { EllipseExtension } from './ellipse-extension';
import { FadeExtension } from './fade-extension';
import type { UeStyle } from './ue-frame';
import type { Trails } from './ue-trails';

const ELLIPSES = [new EllipseExtension()];
const FADES = [new FadeExtension()];
const DOT_PX = 6.5;
const FONT = '"Inter Variable", system-ui, sans-serif';

export interface UeLabel {
  text: string;
  place: LonLat;
  alpha: number;
}

export interface UePicture {
  origin: LonLat;
  /** [lon, lat] relative to the origin. */
  position: Attribute;
  heads: Attribute;
  style: UeStyle;
  trails: Trails | null;
  ellipses: boolean;
  selectedAt: LonLat | null;
  clusters: readonly Cluster[];
  labels: readonly UeLabel[];
}

/** A nose ahead of the dot, drawn once; deck.gl colours it by its mask. */
let nose: string | null = null;
function noseAtlas(): string {
  if (nose !== null) return nose;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 64;
  const context = canvas.getContext('2d');
  context?.beginPath();
  context?.moveTo(32, 0);
  context?.lineTo(45, 22);
  context?.lineTo(19, 22);
  context?.fill();
  nose = canvas.toDataURL();
  return nose;
}
const NOSE = { nose: { x: 18, y: 0, width: 28, height: 23, anchorX: 14, anchorY: 32, mask: true } };

function ellipseLayer(picture: UePicture, base: object): Layer {
  const { style } = picture;
  return new ScatterplotLayer({
    ...base,
    id: 'ue-ellipses',
    data: {
      length: style.count,
      attributes: {
        getPosition: picture.position,
        getRadius: style.radius_m,
        getFillColor: style.colour,
        getEllipseShape: style.ellipse,
      },
    },
    radiusUnits: 'meters',
    antialiasing: false,
    extensions: ELLIPSES,
  });
}

function textLayer(
  id: string,
  base: object,
  colours: MapColours,
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
    getPosition: (label: UeLabel) => label.place,
    getColor: (label: UeLabel) => [...ink, label.alpha],
    getPixelOffset: offset,
    getTextAnchor: offset[0] === 0 ? 'middle' : 'start',
    getSize: 12,
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
  const { style, origin, trails } = picture;
  const accent = hexRgb(colours.accent);
  const base = {
    coordinateSystem: COORDINATE_SYSTEM.LNGLAT_OFFSETS,
    coordinateOrigin: [...origin, 0] as [number, number, number],
    pickable: false,
    parameters: { depthCompare: 'always', depthWriteEnabled: false },
  };
  const lines = { ...base, getWidth: 2.5, widthUnits: 'pixels', antialiasing: true };
  const layers: (Layer | null)[] = [
    picture.ellipses ? ellipseLayer(picture, base) : null,
    trails &&
      new LineLayer({
        ...lines,
        id: 'ue-trails',
        extensions: FADES,
        data: {
          length: trails.count,
          attributes: {
            getSourcePosition: trails.source,
            getTargetPosition: trails.target,
            getColor: trails.colour,
            getLineFade: trails.fade,
          },
        },
      } as ConstructorParameters<typeof LineLayer>[0]),
    trails &&
      new LineLayer({
        ...lines,
        id: 'ue-trail-heads',
        data: {
          length: style.count,
          attributes: {
            getSourcePosition: picture.heads,
            getTargetPosition: picture.position,
            getColor: style.colour,
          },
        },
      } as ConstructorParameters<typeof LineLayer>[0]),
    new IconLayer({
      ...base,
      id: 'ue-headings',
      data: {
        length: style.count,
        attributes: {
          getPosition: picture.position,
          getAngle: style.heading,
          getColor: style.headingColour,
        },
      },
      iconAtlas: noseAtlas(),
      iconMapping: NOSE,
      getIcon: () => 'nose',
      getSize: (36 * 23) / 64,
      sizeUnits: 'pixels',
      billboard: false,
    } as ConstructorParameters<typeof IconLayer>[0]),
    new ScatterplotLayer({
      ...base,
      id: 'ue-dots',
      data: {
        length: style.count,
        attributes: {
          getPosition: picture.position,
          getFillColor: style.colour,
          getLineColor: style.outline,
        },
      },
      getRadius: DOT_PX,
      radiusUnits: 'pixels',
      stroked: true,
      getLineWidth: 2,
      lineWidthUnits: 'pixels',
      billboard: true,
    } as ConstructorParameters<typeof ScatterplotLayer>[0]),
    picture.selectedAt &&
      new ScatterplotLayer({
        ...base,
        id: 'ue-selected',
        coordinateSystem: COORDINATE_SYSTEM.LNGLAT,
        data: [picture.selectedAt],
        getPosition: (place: LonLat) => place,
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
          getPosition: (one: Cluster) => one.center,
          getRadius: (one: Cluster) => 10 + 2.2 * Math.sqrt(one.count),
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
          picture.clusters.map(({ center, count }) => ({
            text: String(count),
            place: center,
            alpha: 255,
          })),
          [0, 0],
        )
      : null,
    picture.labels.length > 0
      ? textLayer('ue-labels', base, colours, picture.labels, [14, 0])
      : null,
  ];
  return layers.filter((layer) => layer !== null);
}

/**
 * Labels without a glyph server: each text is an icon, drawn by the browser in the page's own font
 * when a layer first asks for it. Works the same in both engines, collisions included.
 */
import { useEffect } from 'react';
import { useEngine } from './engine';
import type { MapColours } from './map-colours';
import { drawWedge, WEDGE } from './wedge-image';

const PREFIX = 'label';
const FONT = '600 12px "Inter Variable", system-ui, sans-serif';
const PADDING = 4;
const HEIGHT = 20;

/** An `icon-image` expression for a text expression, in the colours of the scheme. */
export function labelImage(colours: MapColours, text: ['get', string]) {
  return ['concat', `${PREFIX}|${colours.ink}|${colours.halo}|`, text] as [
    'concat',
    string,
    ['get', string],
  ];
}

function drawLabel(id: string, ratio: number): ImageData | null {
  const [, ink = '', halo = '', ...words] = id.split('|');
  const text = words.join('|');
  const context = document.createElement('canvas').getContext('2d');
  if (!context) return null;
  context.font = FONT;
  const width = Math.ceil(context.measureText(text).width) + 2 * PADDING;
  context.canvas.width = width * ratio;
  context.canvas.height = HEIGHT * ratio;
  context.scale(ratio, ratio);
  context.font = FONT;
  context.textBaseline = 'middle';
  context.lineJoin = 'round';
  context.lineWidth = 3.5;
  context.strokeStyle = halo;
  context.fillStyle = ink;
  context.strokeText(text, PADDING, HEIGHT / 2 + 0.5);
  context.fillText(text, PADDING, HEIGHT / 2 + 0.5);
  return context.getImageData(0, 0, context.canvas.width, context.canvas.height);
}

/** What is drawn when a layer asks for it, by the first word of its name. */
const DRAWN: Readonly<Record<string, typeof drawLabel>> = {
  [PREFIX]: drawLabel,
  [WEDGE]: drawWedge,
};

/** MapLibre 6 asks a resolver for a missing image; Mapbox fires an event and looks again. */
interface AsksForImages {
  setMissingStyleImageResolver?: (resolve: ((id: string) => void) | null) => void;
}

export function useLabelImages(): void {
  const { useMap } = useEngine();
  const map = useMap().current?.getMap();
  useEffect(() => {
    if (!map) return undefined;
    const ratio = Math.max(2, Math.ceil(window.devicePixelRatio));
    const draw = (id: string) => {
      const drawn = DRAWN[id.split('|', 1)[0] ?? ''];
      if (!drawn || map.hasImage(id)) return;
      const image = drawn(id, ratio);
      if (image) map.addImage(id, image, { pixelRatio: ratio });
    };
    const asking: AsksForImages = map;
    if (asking.setMissingStyleImageResolver) {
      asking.setMissingStyleImageResolver(draw);
      return undefined;
    }
    const missing = (event: { id: string }) => draw(event.id);
    map.on('styleimagemissing', missing);
    return () => {
      map.off('styleimagemissing', missing);
    };
  }, [map]);
}

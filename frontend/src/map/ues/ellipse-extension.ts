/** Turns the circles of a ScatterplotLayer into ellipses with an outline of even width. */
import { LayerExtension, type Layer } from '@deck.gl/core';

const VERTEX_DECLARATION = `
in vec4 ellipseShapes;
out vec2 ellipseAlpha;
`;

/** Shape: ratio of the axes, bearing of the major axis [rad], opacities of area and outline. */
const VERTEX_SIZE = `
float c = cos(ellipseShapes.y);
float s = sin(ellipseShapes.y);
float across = size.y * ellipseShapes.x;
size.xy = vec2(size.x * s + across * c, size.x * c - across * s);
ellipseAlpha = ellipseShapes.zw;
`;

const FRAGMENT_DECLARATION = `
in vec2 ellipseAlpha;
const float OUTLINE_PX = 1.5;
`;

const FRAGMENT_COLOUR = `
float ellipseRadius = length(geometry.uv);
float pixelsInside = (1.0 - ellipseRadius) / max(fwidth(ellipseRadius), 1e-6);
color.a *= pixelsInside < OUTLINE_PX ? ellipseAlpha.y : ellipseAlpha.x;
`;

export class EllipseExtension extends LayerExtension {
  static override extensionName = 'EllipseExtension';

  override getShaders() {
    return {
      inject: {
        'vs:#decl': VERTEX_DECLARATION,
        'vs:DECKGL_FILTER_SIZE': VERTEX_SIZE,
        'fs:#decl': FRAGMENT_DECLARATION,
        'fs:DECKGL_FILTER_COLOR': FRAGMENT_COLOUR,
      },
    };
  }

  override initializeState(this: Layer): void {
    this.getAttributeManager()?.addInstanced({
      ellipseShapes: { size: 4, accessor: 'getEllipseShape' },
    });
  }
}

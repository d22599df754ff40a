/**
 * Turns each circle of a ScatterplotLayer into two ellipses of one shape: the circle's radius is the
 * semi-major axis of the one that holds 95 %, and the one that holds 68 % lies within it. Their
 * outlines have an even width.
 */
import { LayerExtension, type Layer } from '@deck.gl/core';

/**
 * Semi-axes at 68 % over those at 95 % of a two-dimensional normal distribution:
 * sqrt(ln(1 - 0.68) / ln(1 - 0.95)).
 */
export const AXES_68_OVER_95 = Math.sqrt(Math.log(1 - 0.68) / Math.log(1 - 0.95));

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
const float INNER_RADIUS = ${AXES_68_OVER_95.toFixed(6)};
`;

/** The inner ellipse lies on the outer one, twice as filled and with a fainter outline. */
const FRAGMENT_COLOUR = `
float ellipseRadius = length(geometry.uv);
float ellipsePixel = max(fwidth(ellipseRadius), 1e-6);
float pixelsInside = (1.0 - ellipseRadius) / ellipsePixel;
float pixelsWithin = (INNER_RADIUS - ellipseRadius) / ellipsePixel;
float outer = color.a * (pixelsInside < OUTLINE_PX ? ellipseAlpha.y : 0.5 * ellipseAlpha.x);
float inner = color.a * (pixelsWithin < OUTLINE_PX ? 0.6 * ellipseAlpha.y : ellipseAlpha.x);
color.a = pixelsWithin < 0.0 ? outer : 1.0 - (1.0 - outer) * (1.0 - inner);
color.a *= clamp(pixelsInside, 0.0, 1.0);
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

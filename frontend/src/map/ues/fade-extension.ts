/** Lets the lines of a LineLayer fade from one end to the other. */
import { LayerExtension, type Layer } from '@deck.gl/core';

export class FadeExtension extends LayerExtension {
  static override extensionName = 'FadeExtension';

  override getShaders() {
    return {
      inject: {
        'vs:#decl': 'in vec2 lineFades;',
        'vs:DECKGL_FILTER_COLOR': 'color.a *= mix(lineFades.x, lineFades.y, geometry.uv.x);',
      },
    };
  }

  override initializeState(this: Layer): void {
    this.getAttributeManager()?.addInstanced({
      lineFades: { size: 2, accessor: 'getLineFade' },
    });
  }
}

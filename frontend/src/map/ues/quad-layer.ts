/**
 * Quads from flat arrays, four vertices each. deck.gl's own layers draw one instance for each
 * object; a browser without a graphics card does that one by one and takes ten times as long.
 */
import { Layer, project32, type LayerProps, type UpdateParameters } from '@deck.gl/core';
import { Model } from '@luma.gl/engine';
import type { Attribute } from './attribute';

/** Each vertex's corner of its quad: [-1, -1] to [1, 1]. */
const CORNERS = [-1, -1, 1, -1, 1, 1, -1, 1];
const TRIANGLES = [0, 1, 2, 0, 2, 3];

export interface QuadKind {
  /** Inputs of the vertex shader besides `corners`, by their GLSL type. */
  inputs: Readonly<Record<string, 'float' | 'vec2' | 'vec3' | 'vec4'>>;
  /** GLSL: outputs and functions, then the body that sets gl_Position. */
  vertexDeclarations: string;
  vertex: string;
  /** GLSL: inputs and constants, then the body that sets fragColor. */
  fragmentDeclarations: string;
  fragment: string;
}

interface QuadProps extends LayerProps {
  kind: QuadKind;
  count: number;
  arrays: Readonly<Record<string, Attribute>>;
}

type Device = Layer['context']['device'];
type Buffer = ReturnType<Device['createBuffer']>;

interface QuadState {
  model: Model;
  held: Map<string, { attribute: Attribute; buffer: Buffer }>;
  quads: number;
  shared: Buffer[];
}

const FORMATS = {
  float: 'float32',
  vec2: 'float32x2',
  vec3: 'float32x3',
  vec4: 'float32x4',
} as const;

/** Colours come as bytes. */
function formatOf(name: string, type: QuadKind['inputs'][string]) {
  return name === 'colours' ? 'unorm8x4' : FORMATS[type];
}

export class QuadLayer extends Layer<QuadProps> {
  static override layerName = 'QuadLayer';
  static override defaultProps = {
    kind: { type: 'object', value: null },
    count: 0,
    arrays: { type: 'object', value: {}, compare: false },
  };

  override initializeState(): void {
    const { kind } = this.props;
    const { device } = this.context;
    const inputs = Object.entries(kind.inputs);
    const declared = inputs.map(([name, type]) => `in ${type} ${name};`).join('\n');
    const model = new Model(device, {
      ...this.getShaders({
        vs: `#version 300 es\nin vec2 corners;\n${declared}\n${kind.vertexDeclarations}
void main(void) {\n${kind.vertex}\n}`,
        fs: `#version 300 es\nprecision highp float;\nout vec4 fragColor;
${kind.fragmentDeclarations}\nvoid main(void) {\n${kind.fragment}\n}`,
        modules: [project32],
      }),
      id: this.props.id,
      topology: 'triangle-list',
      isInstanced: false,
      bufferLayout: [
        { name: 'corners', format: 'float32x2' },
        ...inputs.map(([name, type]) => ({ name, format: formatOf(name, type) })),
      ],
    });
    const state: QuadState = { model, held: new Map(), quads: 0, shared: [] };
    this.setState(state);
  }

  override updateState(params: UpdateParameters<this>): void {
    super.updateState(params);
    const { model, held } = this.state as unknown as QuadState;
    const { arrays, count } = this.props;
    this.reserve(count);
    for (const [name, attribute] of Object.entries(arrays)) {
      const old = held.get(name);
      if (old?.attribute === attribute) continue;
      const data = attribute.value;
      if (data.byteLength === 0) continue;
      const fits = old !== undefined && old.buffer.byteLength === data.byteLength;
      if (old && !fits) old.buffer.destroy();
      const buffer = fits ? old.buffer : this.context.device.createBuffer({ data });
      if (fits) buffer.write(data);
      else model.setAttributes({ [name]: buffer });
      held.set(name, { attribute, buffer });
    }
  }

  /** Corners and triangles for at least so many quads. */
  private reserve(count: number): void {
    const state = this.state as unknown as QuadState;
    if (state.quads >= count) return;
    const quads = Math.max(64, 2 * count);
    const indices = new Uint32Array(6 * quads);
    for (let i = 0; i < indices.length; i++)
      indices[i] = 4 * Math.floor(i / 6) + (TRIANGLES[i % 6] ?? 0);
    const { device } = this.context;
    const corners = Float32Array.from({ length: 8 * quads }, (_, i) => CORNERS[i % 8] ?? 0);
    // 16: index buffer, 8: copied into.
    const shared = [
      device.createBuffer({ data: corners }),
      device.createBuffer({ data: indices, usage: 16 | 8, indexType: 'uint32' }),
    ];
    state.model.setAttributes({ corners: shared[0] as Buffer });
    state.model.setIndexBuffer(shared[1] as Buffer);
    for (const buffer of state.shared) buffer.destroy();
    state.shared = shared;
    state.quads = quads;
  }

  override draw(): void {
    const { model } = this.state as unknown as QuadState;
    if (this.props.count === 0) return;
    model.setVertexCount(6 * this.props.count);
    model.draw(this.context.renderPass);
  }

  override finalizeState(context: Layer['context']): void {
    const { held, shared } = this.state as unknown as QuadState;
    super.finalizeState(context);
    for (const { buffer } of held.values()) buffer.destroy();
    for (const buffer of shared) buffer.destroy();
  }
}

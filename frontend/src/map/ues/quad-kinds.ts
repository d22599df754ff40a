/** How the parts of a UE are drawn as quads. Sizes in pixels lie flat unless they say otherwise. */
import { AXES_68_OVER_95 } from '../../geometry/ellipse';
import type { QuadKind } from './quad-layer';

/**
 * Two ellipses of one shape: the one that holds 95 %, and within it the one that holds 68 %, twice
 * as filled and with a fainter outline. `ellipses`: semi-major axis [m], ratio of the axes, bearing
 * of the major axis [rad]; `fills`: opacity of area and outline.
 */
export const ELLIPSE: QuadKind = {
  inputs: { places: 'vec3', colours: 'vec4', ellipses: 'vec3', fills: 'vec2' },
  vertexDeclarations: `
out vec2 unit;
out vec4 colour;
out vec2 alphas;`,
  vertex: `
unit = corners;
colour = colours;
alphas = fills;
geometry.worldPosition = places;
float c = cos(ellipses.z);
float s = sin(ellipses.z);
vec2 axes = corners * project_size(ellipses.x) * vec2(1.0, ellipses.y);
vec2 offset = vec2(axes.x * s + axes.y * c, axes.x * c - axes.y * s);
gl_Position = project_position_to_clipspace(places, vec3(0.0), vec3(offset, 0.0));`,
  fragmentDeclarations: `
in vec2 unit;
in vec4 colour;
in vec2 alphas;
const float OUTLINE_PX = 1.5;
const float INNER_RADIUS = ${AXES_68_OVER_95.toFixed(6)};`,
  fragment: `
float radius = length(unit);
float pixel = max(fwidth(radius), 1e-6);
if (radius > 1.0) discard;
float inside = (1.0 - radius) / pixel;
float within = (INNER_RADIUS - radius) / pixel;
float outer = colour.a * (inside < OUTLINE_PX ? alphas.y : 0.5 * alphas.x);
float inner = colour.a * (within < OUTLINE_PX ? 0.6 * alphas.y : alphas.x);
float both = within < 0.0 ? outer : 1.0 - (1.0 - outer) * (1.0 - inner);
fragColor = vec4(colour.rgb, both * clamp(inside, 0.0, 1.0));`,
};

/** Lines that fade from one end to the other; `fades`: opacity at both. */
export const LINE: QuadKind = {
  inputs: { sources: 'vec3', targets: 'vec3', colours: 'vec4', fades: 'vec2' },
  vertexDeclarations: `
out float across;
out vec4 colour;
const float REACH_PX = 2.0;`,
  vertex: `
float along = 0.5 * corners.x + 0.5;
across = corners.y * REACH_PX;
colour = vec4(colours.rgb, colours.a * mix(fades.x, fades.y, along));
geometry.worldPosition = sources;
vec4 a = project_position_to_clipspace(sources, vec3(0.0), vec3(0.0));
vec4 b = project_position_to_clipspace(targets, vec3(0.0), vec3(0.0));
vec2 way = (b.xy / b.w - a.xy / a.w) * project.viewportSize;
float far = length(way);
vec2 normal = far > 1e-4 ? vec2(-way.y, way.x) / far : vec2(0.0);
gl_Position = mix(a, b, along);
gl_Position.xy += project_pixel_size_to_clipspace(normal * across);`,
  fragmentDeclarations: `
in float across;
in vec4 colour;
const float HALF_WIDTH_PX = 1.25;`,
  fragment: `
fragColor = vec4(colour.rgb, colour.a * clamp(HALF_WIDTH_PX + 0.5 - abs(across), 0.0, 1.0));`,
};

/** A round point, upright towards the viewer, with a white rim; radii in pixels. */
function point(inner_px: number, outer_px: number): QuadKind {
  return {
    inputs: { places: 'vec3', colours: 'vec4' },
    vertexDeclarations: `
out vec2 pixels;
out vec4 colour;
const float REACH_PX = ${(outer_px + 0.5).toFixed(1)};`,
    vertex: `
pixels = corners * REACH_PX;
colour = colours;
geometry.worldPosition = places;
gl_Position = project_position_to_clipspace(places, vec3(0.0), vec3(0.0));
gl_Position.xy += project_pixel_size_to_clipspace(pixels);`,
    fragmentDeclarations: `
in vec2 pixels;
in vec4 colour;
const float INNER_PX = ${inner_px.toFixed(1)};
const float OUTER_PX = ${outer_px.toFixed(1)};`,
    fragment: `
float radius = length(pixels);
float cover = clamp(OUTER_PX + 0.5 - radius, 0.0, 1.0);
if (cover == 0.0) discard;
float rim = clamp(radius - INNER_PX + 0.5, 0.0, 1.0);
fragColor = vec4(mix(colour.rgb, vec3(1.0), rim), colour.a * cover);`,
  };
}

/** A UE. */
export const DOT = point(5.5, 7.5);
/** A true place. */
export const POINT = point(2.5, 4);

/** A nose ahead of the dot; `headings`: bearing [rad]. */
export const NOSE: QuadKind = {
  inputs: { places: 'vec3', colours: 'vec4', headings: 'float' },
  vertexDeclarations: `
out vec2 pixels;
out vec4 colour;
const vec2 MIDDLE_PX = vec2(0.0, 12.0);
const vec2 REACH_PX = vec2(8.5, 7.5);`,
  vertex: `
pixels = MIDDLE_PX + corners * REACH_PX;
colour = colours;
geometry.worldPosition = places;
float c = cos(headings);
float s = sin(headings);
vec2 offset = project_pixel_size(vec2(pixels.x * c + pixels.y * s, pixels.y * c - pixels.x * s));
gl_Position = project_position_to_clipspace(places, vec3(0.0), vec3(offset, 0.0));`,
  fragmentDeclarations: `
in vec2 pixels;
in vec4 colour;
const float TIP_PX = 18.0;
const float BASE_PX = 5.6;
const float HALF_BASE_PX = 7.3;`,
  fragment: `
float half_px = HALF_BASE_PX * (TIP_PX - pixels.y) / (TIP_PX - BASE_PX);
float cover = clamp(half_px - abs(pixels.x) + 0.5, 0.0, 1.0) * clamp(pixels.y - BASE_PX, 0.0, 1.0);
if (cover == 0.0) discard;
fragColor = vec4(colour.rgb, colour.a * cover);`,
};

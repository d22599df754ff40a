import { useBuildings } from '../../api/get-buildings';
import type { Evaluation, LonLat, Scene } from '../../api/types';
import { weightColour } from '../../colour/ramps';
import { metres, number } from '../../format/format';
import { useColourScheme } from '../../ui/use-colour-scheme';
import { Ramp } from '../ramp';

const SIDE = 420;
const MARGIN = 4;
/** Errors [m] at the two ends of the ramp, which is logarithmic. */
const LEAST_M = 0.5;
const MOST_M = 50;
const STOPS = 7;

function share(error_m: number): number {
  const clamped = Math.min(MOST_M, Math.max(LEAST_M, error_m));
  return Math.log(clamped / LEAST_M) / Math.log(MOST_M / LEAST_M);
}

/** Every test place, coloured by its error, over the buildings. */
export function ErrorMap({
  places,
  scene,
}: {
  places: Evaluation['places'][number];
  scene: Scene;
}) {
  const scheme = useColourScheme();
  const { data: buildings } = useBuildings(scene.name);
  const lons = scene.corners.map(([lon]) => lon);
  const lats = scene.corners.map(([, lat]) => lat);
  const [west, south] = [Math.min(...lons), Math.min(...lats)];
  const scale = Math.cos((south * Math.PI) / 180);
  const size = Math.max((Math.max(...lons) - west) * scale, Math.max(...lats) - south);
  const inner = SIDE - 2 * MARGIN;
  const x = (lon: number) => MARGIN + (((lon - west) * scale) / size) * inner;
  const y = (lat: number) => SIDE - MARGIN - ((lat - south) / size) * inner;
  const colour = (t: number) => `rgb(${weightColour(t, scheme).join(' ')})`;
  const gradient = Array.from({ length: STOPS }, (_, i) => colour(i / (STOPS - 1))).join(', ');
  const outline = (buildings?.features ?? [])
    .map(({ geometry }) =>
      geometry.coordinates
        .map(
          (ring) =>
            `M${ring.map((p) => `${x(p[0] ?? 0).toFixed(1)} ${y(p[1] ?? 0).toFixed(1)}`).join('L')}Z`,
        )
        .join(''),
    )
    .join('');
  return (
    <>
      <svg
        className="error-map"
        viewBox={`0 0 ${SIDE} ${SIDE}`}
        role="img"
        aria-label={`Errors at ${places.places.length} test places`}
      >
        <path className="error-map-buildings" d={outline} fillRule="evenodd" />
        {places.places.map(([lon, lat]: LonLat, i) => {
          const error_m = places.error_m[i] ?? 0;
          return (
            <circle key={i} cx={x(lon)} cy={y(lat)} r={2.6} fill={colour(share(error_m))}>
              <title>{metres(error_m)}</title>
            </circle>
          );
        })}
      </svg>
      <Ramp
        gradient={`linear-gradient(to right, ${gradient})`}
        ticks={[`≤ ${number(LEAST_M, 1)} m`, '5 m', `≥ ${MOST_M} m`]}
      />
    </>
  );
}

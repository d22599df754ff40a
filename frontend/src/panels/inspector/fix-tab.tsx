import type { Fix, FixDetail, LonLat } from '../../api/types';
import { metres, number, percent, withUnit } from '../../format/format';
import { distance_m } from '../../geometry/local-metres';
import { showOnMap } from '../../ui/camera-store';
import { Explain } from '../../ui/explain';
import { Plot } from '../../ui/plot';
import { Meter } from '../../ui/meter';

function place(fix: { lat: number; lon: number }): LonLat {
  return [fix.lon, fix.lat];
}

function Position({ fix }: { fix: Fix }) {
  return (
    <>
      {number(fix.lat, 6)}, {number(fix.lon, 6)}
    </>
  );
}

/** Whether refinement left the fix where it was: there is no path and no curve to show. */
export function tookNoStep(energies: readonly number[], moved_m: number): boolean {
  return moved_m < 0.05 && energies.every((energy) => energy === energies[0]);
}

function Refinement({ fix }: { fix: FixDetail }) {
  const { refinement, unrefined_fix: before } = fix;
  if (!refinement || !before) return <p className="muted">This fix was not refined.</p>;
  if (tookNoStep(refinement.energies, distance_m(place(before), place(fix.fix)))) {
    return (
      <p className="muted">
        No step was taken: no place nearby explains the reports better. The physics energy is{' '}
        {number(refinement.energy_after, 2)}.
      </p>
    );
  }
  return (
    <>
      <table className="facts">
        <thead>
          <tr>
            <td />
            <th scope="col">Unrefined</th>
            <th scope="col">Refined</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">East</th>
            <td>{withUnit(number(before.x_m, 1), 'm')}</td>
            <td>{withUnit(number(fix.fix.x_m, 1), 'm')}</td>
          </tr>
          <tr>
            <th scope="row">North</th>
            <td>{withUnit(number(before.y_m, 1), 'm')}</td>
            <td>{withUnit(number(fix.fix.y_m, 1), 'm')}</td>
          </tr>
          <tr>
            <th scope="row">Accuracy 68 %</th>
            <td>{metres(before.accuracy_m)}</td>
            <td>{metres(fix.fix.accuracy_m)}</td>
          </tr>
          <tr>
            <th scope="row">Physics energy</th>
            <td>{number(refinement.energy_before, 2)}</td>
            <td>{number(refinement.energy_after, 2)}</td>
          </tr>
          <tr>
            <th scope="row">Moved</th>
            <td />
            <td>
              {metres(distance_m(place(before), place(fix.fix)))} in {refinement.steps} steps
            </td>
          </tr>
        </tbody>
      </table>
      {refinement.energies.length > 1 && <EnergyCurve energies={refinement.energies} />}
    </>
  );
}

/** How the physics energy fell from step to step. */
function EnergyCurve({ energies }: { energies: readonly number[] }) {
  const low = Math.min(...energies);
  const high = Math.max(...energies);
  const margin = Math.max(0.05, (high - low) * 0.1);
  return (
    <figure className="energy">
      <figcaption className="muted">Physics energy after each step</figcaption>
      <Plot
        label={`Physics energy from ${number(high, 2)} to ${number(low, 2)}`}
        height={96}
        x={{ unit: 'steps', min: 0, max: energies.length - 1 }}
        y={{ unit: '', min: low - margin, max: high + margin }}
        series={[{ name: 'energy', points: energies.map((energy, i) => [i, energy] as const) }]}
      />
    </figure>
  );
}

/** A lighter one would read 0.0 %. */
const LEAST_WEIGHT = 0.0005;

/** Hypotheses by weight, and how many are too light to be told. */
export function ranked(hypotheses: FixDetail['hypotheses']) {
  const sorted = [...hypotheses].sort((a, b) => b.weight - a.weight);
  const told = sorted.filter(({ weight }, i) => i === 0 || weight >= LEAST_WEIGHT);
  return { told, lighter: sorted.length - told.length };
}

function Hypotheses({ fix }: { fix: FixDetail }) {
  const { told, lighter } = ranked(fix.hypotheses);
  return (
    <>
      <ol className="hypotheses">
        {told.map((hypothesis, i) => (
          <li key={i}>
            <button type="button" onClick={() => showOnMap(place(hypothesis))}>
              <span>{i + 1}</span>
              <Meter share={hypothesis.weight} />
              <span>{percent(hypothesis.weight, 1)}</span>
              <span className="muted">{metres(distance_m(place(hypothesis), place(fix.fix)))}</span>
            </button>
          </li>
        ))}
      </ol>
      {lighter > 0 && <p className="hypotheses-rest muted">{lighter} more below 0.1 %</p>}
    </>
  );
}

/** The answer: where, how sure, what else was considered, and what refinement did. */
export function FixTab({ fix }: { fix: FixDetail }) {
  const { ellipse } = fix.fix;
  const total_ms = fix.timing_ms['total'];
  return (
    <>
      <dl className="facts-list">
        <dt>Position</dt>
        <dd>
          <Position fix={fix.fix} />
        </dd>
        <dt>Accuracy 68 %</dt>
        <dd>{metres(fix.fix.accuracy_m)}</dd>
        <dt>Ellipse {percent(ellipse.confidence)}</dt>
        <dd>
          {metres(ellipse.semi_major_m)} × {metres(ellipse.semi_minor_m)} at{' '}
          {withUnit(number(ellipse.orientation_deg), 'deg')}
        </dd>
        <dt>Confidence</dt>
        <dd>{percent(fix.fix.confidence)}</dd>
        <dt>Model</dt>
        <dd>
          {fix.model}
          {total_ms !== undefined &&
            `, ${withUnit(number(total_ms, total_ms < 100 ? 1 : 0), 'ms')}`}
        </dd>
      </dl>
      <h3>Refinement</h3>
      <Refinement fix={fix} />
      <h3>
        Hypotheses <span className="muted">weight, distance from the fix</span>
      </h3>
      <Hypotheses fix={fix} />
      <Explain>
        <b>Accuracy 68 %</b> is the radius around the position that holds the true place with 68 %;
        the ellipse says the same with direction. <b>Confidence</b> is the weight of the hypothesis
        that the position belongs to: when it is low, the place may be a quite different one.{' '}
        <b>Physics energy</b> is how badly the reports fit the radio map, smaller is better;
        refinement goes downhill on it.
      </Explain>
    </>
  );
}

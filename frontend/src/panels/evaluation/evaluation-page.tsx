import './evaluation.css';
import { useState } from 'react';
import { useMetrics } from '../../api/get-metrics';
import type { Evaluation, ModelMetrics, Scene } from '../../api/types';
import { number } from '../../format/format';
import { Plot, PlotKey } from '../../ui/plot';
import { PHONE, useMedia } from '../../ui/use-media';
import { Segmented } from '../../ui/segmented';
import { setUrlState } from '../../url/use-url-state';
import { AccuracyTable } from './accuracy-table';
import {
  calibrationSeries,
  caseName,
  casesOf,
  cdfSeries,
  methodName,
  trainingSeries,
} from './evaluation-data';
import { ErrorMap } from './error-map';

function Versions({
  metrics,
  evaluation,
  scene,
}: {
  metrics: ModelMetrics;
  evaluation: Evaluation | null;
  scene: Scene;
}) {
  // The service knows the maps of all its scenes; the figures are those of one.
  const tested = evaluation?.scene ?? scene.name;
  const version = metrics.maps[tested];
  return (
    <dl className="facts-list versions">
      <dt>Model</dt>
      <dd>
        {metrics.model} <span className="muted">{metrics.version}</span>
        {metrics.parameters !== null &&
          `, ${number(metrics.parameters / 1e6, 2)} million parameters`}
        {metrics.training_seconds !== null &&
          `, trained in ${number(metrics.training_seconds / 60)} min`}
      </dd>
      {version !== undefined && (
        <>
          <dt>Radio map</dt>
          <dd>
            {tested} <span className="muted">{version}</span>
          </dd>
        </>
      )}
      {evaluation && (
        <>
          <dt>Test file</dt>
          <dd>
            {evaluation.dataset}, {evaluation.made.slice(0, 10)}
          </dd>
        </>
      )}
    </dl>
  );
}

function Recorded({ evaluation, scene }: { evaluation: Evaluation; scene: Scene }) {
  const cases = casesOf(evaluation);
  const [chosen, setChosen] = useState(cases.find(({ id }) => id === 'standard 10')?.id);
  const current = cases.find(({ id }) => id === chosen) ?? cases[0];
  if (!current) return null;
  const curves = cdfSeries(evaluation, current);
  const calibration = calibrationSeries(evaluation, current);
  const places = evaluation.places.find(
    ({ condition, reports }) => condition === current.condition && reports === current.reports,
  );
  return (
    <>
      <Segmented
        label="Condition and number of reports"
        options={cases.map((one) => ({ id: one.id, label: caseName(one) }))}
        current={current.id}
        onChange={setChosen}
      />
      <AccuracyTable
        rows={evaluation.rows.filter(
          ({ condition, reports }) =>
            condition === current.condition && reports === current.reports,
        )}
      />
      <div className="evaluation-plots">
        <figure>
          <figcaption>
            <h3>
              Error <span className="muted">share of places within it</span>
            </h3>
          </figcaption>
          <Plot
            label="Cumulative distribution of the error by method"
            height={230}
            width={420}
            x={{ unit: 'm', min: 0.1, max: 200, log: true }}
            y={{ unit: '', min: 0, max: 1 }}
            series={curves}
          />
          <PlotKey series={curves} />
        </figure>
        <figure>
          <figcaption>
            <h3>
              Calibration <span className="muted">truths inside an ellipse of that confidence</span>
            </h3>
          </figcaption>
          <Plot
            label="Share of truths inside the ellipses against their confidence"
            height={230}
            width={420}
            x={{ unit: '', min: 0, max: 1 }}
            y={{ unit: '', min: 0, max: 1 }}
            series={calibration}
          />
          <PlotKey series={calibration} />
        </figure>
        {places && (
          <figure>
            <figcaption>
              <h3>
                Error over the map <span className="muted">{methodName(places.method)}</span>
              </h3>
            </figcaption>
            <ErrorMap places={places} scene={scene} />
          </figure>
        )}
      </div>
    </>
  );
}

/** How good the model is: what was measured, by method, and where. */
export function EvaluationPage({ scene }: { scene: Scene }) {
  const { data, error } = useMetrics(scene.model);
  const phone = useMedia(PHONE);
  const history = data ? trainingSeries(data.history) : [];
  return (
    <section className="evaluation" aria-label="Evaluation">
      <header>
        <h2>Evaluation</h2>
        <button
          type="button"
          className="icon-button"
          aria-label="Close evaluation"
          onClick={() => setUrlState({ page: 'map' }, 'push')}
        >
          ×
        </button>
      </header>
      {error && <p className="inspector-error">The figures cannot be read: {error.message}</p>}
      {!data && !error && <p className="muted">Reading the figures…</p>}
      {data && (
        <>
          <Versions metrics={data} evaluation={data.evaluation} scene={scene} />
          {data.evaluation ? (
            <Recorded evaluation={data.evaluation} scene={scene} />
          ) : (
            <p>
              No evaluation is recorded for this model. Run{' '}
              <code>rayfix evaluate --model {data.model} --record</code> (some minutes), then
              reload.
            </p>
          )}
          {history.length > 0 && (
            <figure>
              <figcaption>
                <h3>
                  Training <span className="muted">median error on validation places by step</span>
                </h3>
              </figcaption>
              <Plot
                label="Median error on validation places by training step"
                height={170}
                width={phone ? 360 : 860}
                x={{
                  unit: 'steps',
                  min: 0,
                  max: Math.max(...data.history.map((h) => h['step'] ?? 0)),
                }}
                y={{
                  unit: 'm',
                  min: 0,
                  max:
                    Math.max(...history.flatMap(({ points }) => points.map(([, y]) => y))) * 1.05,
                }}
                series={history}
              />
              <PlotKey series={history} />
            </figure>
          )}
        </>
      )}
    </section>
  );
}

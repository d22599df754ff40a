/** What the plots of the evaluation show, from the recorded figures. */
import type { Evaluation, ModelMetrics } from '../../api/types';
import type { Series } from '../../ui/plot';

export interface Case {
  id: string;
  condition: string;
  reports: number;
}

const METHODS: Record<string, string> = {
  strongest_cell: 'Strongest cell',
  knn: 'Fingerprint (k nearest)',
  grid_posterior: 'Grid posterior, true noise',
  grid_mode: 'Grid posterior, its mode',
  grid_trusting: 'Grid posterior, map taken as true',
  transformer: 'Transformer',
  transformer_refined: 'Transformer, refined',
};

export function methodName(method: string): string {
  return METHODS[method] ?? method;
}

/** Conditions with their number of reports, in the order of the table. */
export function casesOf({ rows }: Evaluation): Case[] {
  const found = new Map<string, Case>();
  for (const { condition, reports } of rows) {
    const id = `${condition} ${reports}`;
    if (!found.has(id)) found.set(id, { id, condition, reports });
  }
  return [...found.values()];
}

function curvesOf({ curves }: Evaluation, { condition, reports }: Case) {
  // The last one first: RayFix's own answer has the accent, whatever it is compared with.
  return curves
    .filter((curve) => curve.condition === condition && curve.reports === reports)
    .reverse();
}

export function cdfSeries(evaluation: Evaluation, chosen: Case): Series[] {
  return curvesOf(evaluation, chosen).map(({ method, quantile_m }) => ({
    name: methodName(method),
    points: quantile_m.map((error_m, i) => [error_m, i / (quantile_m.length - 1)] as const),
  }));
}

export function calibrationSeries(evaluation: Evaluation, chosen: Case): Series[] {
  const measured = curvesOf(evaluation, chosen).map(({ method, nominal, inside }) => ({
    name: methodName(method),
    points: nominal.map((share, i) => [share, inside[i] ?? 0] as const),
  }));
  const ideal = { name: 'Ideal', dashed: true, points: [[0, 0] as const, [1, 1] as const] };
  return [...measured, ideal];
}

/** Median error of each validation condition by training step. */
export function trainingSeries(history: ModelMetrics['history']): Series[] {
  const keys = Object.keys(history[0] ?? {}).filter((key) => key.endsWith('/median_m'));
  return keys.map((key) => {
    const [condition = '', reports = ''] = key.split('/');
    return {
      name: `${condition} × ${reports}`,
      points: history.map((entry) => [entry['step'] ?? 0, entry[key] ?? 0] as const),
    };
  });
}

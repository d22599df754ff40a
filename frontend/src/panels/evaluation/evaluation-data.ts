/** What the plots of the evaluation show, from the recorded figures. */
import type { Evaluation, ModelMetrics } from '../../api/types';
import type { Series } from '../../ui/plot';

export interface Case {
  id: string;
  condition: string;
  reports: number;
}

const METHODS: Record<string, { name: string; is: string }> = {
  strongest_cell: {
    name: 'Strongest cell',
    is: 'the middle of where the strongest cell is served',
  },
  knn: {
    name: 'Fingerprint (k nearest)',
    is: 'the places of the radio map whose values are nearest to the reports',
  },
  locunet: { name: 'U-Net after LocUNet', is: 'a convolutional network on the same maps and data' },
  grid_posterior: {
    name: 'Grid posterior, true noise',
    is: 'exact Bayes over every pixel of the map, told the true noise: what physics alone can know',
  },
  grid_mode: {
    name: 'Grid posterior, its mode',
    is: 'the most probable pixel of the same posterior instead of the mean around it',
  },
  grid_trusting: {
    name: 'Grid posterior, map taken as true',
    is: 'the same, told the errors of the measurements but not how a map errs',
  },
  transformer: { name: 'Transformer', is: 'the network of RayFix alone, told no noise' },
  transformer_refined: {
    name: 'RayFix (transformer, refined)',
    is: 'what the service answers: the network, then five steps on the physical evidence',
  },
};

/** The method that the service answers with. */
export const OWN_METHOD = 'transformer_refined';

export function methodName(method: string): string {
  return METHODS[method]?.name ?? method;
}

/** What a method does; null for one that is not known here. */
export function methodText(method: string): string | null {
  return METHODS[method]?.is ?? null;
}

export function caseName({ condition, reports }: Pick<Case, 'condition' | 'reports'>): string {
  return `${condition === 'rsrp_only' ? 'RSRP only' : condition} × ${reports}`;
}

export type AccuracyRow = Evaluation['rows'][number];

const ERRORS = ['median_m', 'p67_m', 'p90_m', 'p95_m', 'rmse_m'] as const;
const SHARES = ['within_5m', 'within_10m', 'within_20m'] as const;
export const ACCURACY = [...ERRORS, ...SHARES];
export type AccuracyColumn = (typeof ACCURACY)[number];

/** The best value of every column of accuracy: least of errors, most of shares. */
export function bestOf(rows: readonly AccuracyRow[]): Record<AccuracyColumn, number> {
  return Object.fromEntries([
    ...ERRORS.map((column) => [column, Math.min(...rows.map((row) => row[column]))]),
    ...SHARES.map((column) => [column, Math.max(...rows.map((row) => row[column]))]),
  ]) as Record<AccuracyColumn, number>;
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
      name: caseName({ condition, reports: Number(reports) }),
      points: history.map((entry) => [entry['step'] ?? 0, entry[key] ?? 0] as const),
    };
  });
}

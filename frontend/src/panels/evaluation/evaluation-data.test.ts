import { describe, expect, it } from 'vitest';
import type { Evaluation } from '../../api/types';
import { calibrationSeries, casesOf, cdfSeries, trainingSeries } from './evaluation-data';

const ROW = {
  condition: 'standard',
  reports: 10,
  method: 'knn',
  n: 3,
  median_m: 1,
  p67_m: 1,
  p90_m: 1,
  p95_m: 1,
  rmse_m: 1,
  within_5m: 1,
  within_10m: 1,
  within_20m: 1,
  inside_68: 1,
  inside_95: 1,
  ms_per_fix: 1,
};
const EVALUATION: Evaluation = {
  model: 'm',
  scene: 's',
  dataset: 'd',
  made: '',
  rows: [ROW, { ...ROW, method: 'transformer' }, { ...ROW, condition: 'hard' }],
  curves: [
    { ...ROW, method: 'knn', quantile_m: [0, 2, 9], nominal: [0.5, 0.9], inside: [0.4, 0.8] },
  ],
  places: [],
};
const CASE = { id: 'standard 10', condition: 'standard', reports: 10 };

describe('evaluation data', () => {
  it('has a case per condition and number of reports', () => {
    expect(casesOf(EVALUATION).map(({ id }) => id)).toEqual(['standard 10', 'hard 10']);
  });
  it('turns quantiles into a distribution', () => {
    expect(cdfSeries(EVALUATION, CASE)[0]?.points).toEqual([
      [0, 0],
      [2, 0.5],
      [9, 1],
    ]);
  });
  it('shows calibration beside the ideal', () => {
    const [knn, ideal] = calibrationSeries(EVALUATION, CASE);
    expect(knn?.points).toEqual([
      [0.5, 0.4],
      [0.9, 0.8],
    ]);
    expect(ideal?.dashed).toBe(true);
  });
  it('follows the training of every condition', () => {
    const history = [{ step: 10, 'hard/1/median_m': 3, loss_total: 9 }];
    expect(trainingSeries(history)).toEqual([{ name: 'hard × 1', points: [[10, 3]] }]);
  });
});

import { describe, expect, it } from 'vitest';
import { matchingCells, matchingUes, sortedUes } from './ue-list';

describe('matchingUes', () => {
  it('finds ids and serving cells, in natural order', () => {
    const cellOf = (id: string) => (id === 'ue-2' ? 'MUC01-1' : null);
    expect(matchingUes(['ue-10', 'ue-2', 'car'], cellOf, 'ue')).toEqual(['ue-2', 'ue-10']);
    expect(matchingUes(['ue-10', 'ue-2', 'car'], cellOf, 'cell:muc01')).toEqual(['ue-2']);
  });
});

describe('sortedUes', () => {
  const accuracy_m = (id: string) => ({ a: 2, b: 9, c: 2 })[id] ?? 0;
  const time_ms = (id: string) => ({ a: 30, b: 20, c: 10 })[id] ?? 0;
  it('puts first who needs to be looked at', () => {
    const sorted = (sort: 'ue' | 'accuracy' | 'age') =>
      sortedUes(['a', 'b', 'c'], sort, accuracy_m, time_ms).join('');
    expect([sorted('ue'), sorted('accuracy'), sorted('age')]).toEqual(['abc', 'bac', 'cba']);
  });
});

describe('matchingCells', () => {
  it('needs three letters', () => {
    const cells = ['MUC01-1', 'MUC02-1'];
    expect(matchingCells(cells, 'mu')).toEqual([]);
    expect(matchingCells(cells, 'cell:MUC02')).toEqual(['MUC02-1']);
  });
});

import { describe, expect, it } from 'vitest';
import { matchingCells, matchingUes } from './ue-list';

describe('matchingUes', () => {
  it('finds ids and serving cells, in natural order', () => {
    const cellOf = (id: string) => (id === 'ue-2' ? 'MUC01-1' : null);
    expect(matchingUes(['ue-10', 'ue-2', 'car'], cellOf, 'ue')).toEqual(['ue-2', 'ue-10']);
    expect(matchingUes(['ue-10', 'ue-2', 'car'], cellOf, 'cell:muc01')).toEqual(['ue-2']);
  });
});

describe('matchingCells', () => {
  it('needs three letters', () => {
    const cells = ['MUC01-1', 'MUC02-1'];
    expect(matchingCells(cells, 'mu')).toEqual([]);
    expect(matchingCells(cells, 'cell:MUC02')).toEqual(['MUC02-1']);
  });
});

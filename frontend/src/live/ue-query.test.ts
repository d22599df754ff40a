import { describe, expect, it } from 'vitest';
import { matchesQuery } from './ue-query';

describe('matchesQuery', () => {
  it('needs every word', () => {
    expect(matchesQuery('walking-07', null, 'walk 07')).toBe(true);
    expect(matchesQuery('walking-07', null, 'walk 08')).toBe(false);
    expect(matchesQuery('walking-07', null, '')).toBe(true);
  });
  it('finds those that a cell serves', () => {
    expect(matchesQuery('ue-1', 'MUC01-2', 'cell:muc01')).toBe(true);
    expect(matchesQuery('ue-1', 'MUC02-2', 'cell:muc01 ue')).toBe(false);
    expect(matchesQuery('ue-1', null, 'cell:muc01')).toBe(false);
  });
});

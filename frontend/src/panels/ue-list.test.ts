import { expect, it } from 'vitest';
import { matchingUes } from './ue-list';

it('orders ids as a person counts and needs every word', () => {
  const ids = ['ue-10', 'ue-2', 'bus 12'];
  expect(matchingUes(ids, '')).toEqual(['bus 12', 'ue-2', 'ue-10']);
  expect(matchingUes(ids, ' UE  1 ')).toEqual(['ue-10']);
});

import { expect, it } from 'vitest';
import { tokenTable } from './token-table';

it('puts the heaviest cell first and keeps unheard reports empty', () => {
  const tokens = [
    { report: 1, time: '', cell_id: 'a' },
    { report: 0, time: '', cell_id: 'a' },
    { report: 1, time: '', cell_id: 'b' },
  ];
  expect(tokenTable(tokens, [0.1, 0.2, 0.7])).toEqual({
    reports: [0, 1],
    rows: [
      { cell_id: 'b', weights: [null, 0.7], total: 0.7 },
      { cell_id: 'a', weights: [0.2, 0.1], total: expect.closeTo(0.3) as number },
    ],
    max: 0.7,
  });
});

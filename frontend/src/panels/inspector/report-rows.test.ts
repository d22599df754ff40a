import { expect, it } from 'vitest';
import { measuredQuantities } from './report-rows';

it('lists what was measured, known quantities first, and never what is missing', () => {
  const cells = [
    { cell_id: 'a', zeta: 1, toa_ns: 3, rsrp_dbm: null },
    { cell_id: 'b', rsrp_dbm: -80 },
  ];
  expect(measuredQuantities(cells)).toEqual(['rsrp_dbm', 'toa_ns', 'zeta']);
  expect(measuredQuantities([{ cell_id: 'a', bler: null }])).toEqual([]);
});

import { expect, it } from 'vitest';
import { measuredQuantities } from './report-rows';

it('lists what was measured in the usual order, and never what is missing', () => {
  const cells = [
    { cell_id: 'a', toa_ns: 0, rsrp_dbm: null },
    { cell_id: 'b', rsrp_dbm: -80 },
  ];
  expect(measuredQuantities(cells)).toEqual(['rsrp_dbm', 'toa_ns']);
  expect(measuredQuantities([{ cell_id: 'a', bler: null }])).toEqual([]);
});

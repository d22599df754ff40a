import { describe, expect, it } from 'vitest';
import type { Probe, ProbeCell } from '../api/types';
import { legendFraction, probeValue } from './probe-value';

function cell(cell_id: string, path_gain: number | null): ProbeCell {
  return {
    cell_id,
    los: true,
    distance_m: 100,
    rsrp_dbm: path_gain,
    path_gain,
    toa: null,
    aoa: null,
    snr: null,
    sinr: null,
    throughput: null,
    bler: null,
  };
}

const probe: Probe = {
  lat: 48,
  lon: 11,
  x_m: 0,
  y_m: 0,
  building_height_m: 0,
  best_cell: 'a',
  cells: [cell('a', -80), cell('b', null)],
};

describe('probeValue', () => {
  it('reads the strongest cell for best server', () => {
    expect(probeValue(probe, 'path_gain', 'best')).toMatchObject({
      cell: { cell_id: 'a' },
      value: -80,
    });
  });
  it('keeps no path apart from a cell that is not on the map', () => {
    expect(probeValue(probe, 'path_gain', 'b')?.value).toBeNull();
    expect(probeValue(probe, 'path_gain', 'c')).toBeNull();
    expect(probeValue({ ...probe, best_cell: null }, 'path_gain', 'best')).toBeNull();
  });
});

describe('legendFraction', () => {
  it('stays on the legend', () => {
    expect(legendFraction(-100, -120, -80)).toBe(0.5);
    expect(legendFraction(-200, -120, -80)).toBe(0);
    expect(legendFraction(1, 1, 1)).toBe(0);
  });
});

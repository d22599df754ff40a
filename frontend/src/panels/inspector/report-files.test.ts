import { describe, expect, it } from 'vitest';
import { requestOf, without } from './report-files';

const REPORT = { time: 1, cells: [{ cell_id: 'A', rsrp_dbm: -80 }] };

describe('requestOf', () => {
  it('takes a request, a list of reports, or one report as JSON', () => {
    const request = { ue_id: 'x', scene: 'town', reports: [REPORT] };
    expect(requestOf(JSON.stringify(request), 'munich')).toMatchObject({
      scene: 'town',
      reports: [REPORT],
    });
    expect(requestOf(JSON.stringify(request), 'munich').ue_id).toBeUndefined();
    expect(requestOf(JSON.stringify([REPORT]), 'munich').reports).toEqual([REPORT]);
    expect(requestOf(JSON.stringify(REPORT), 'munich').reports).toEqual([REPORT]);
  });
  it('takes a table, a report per time; empty fields are missing', () => {
    const csv = 'time,cell_id,rsrp_dbm,toa_ns\n1,A,-80,\n1,"B",-90,200\n2,A,-81,150\n';
    expect(requestOf(csv, 'm').reports).toEqual([
      {
        time: 1,
        cells: [
          { cell_id: 'A', rsrp_dbm: -80 },
          { cell_id: 'B', rsrp_dbm: -90, toa_ns: 200 },
        ],
      },
      { time: 2, cells: [{ cell_id: 'A', rsrp_dbm: -81, toa_ns: 150 }] },
    ]);
  });
  it('says what is wrong, and where', () => {
    expect(() => requestOf('cell_id,rsrp_dbm\nA,loud', 'm')).toThrow('line 2, rsrp_dbm');
    expect(() => requestOf('a,b\n1,2', 'm')).toThrow('cell_id');
    expect(() => requestOf('{"x":1}', 'm')).toThrow('reports');
    expect(() => requestOf('  ', 'm')).toThrow('nothing');
  });
});

describe('without', () => {
  it('drops cells and quantities', () => {
    const reports = [
      { time: 1, cells: [{ cell_id: 'A', rsrp_dbm: -80, toa_ns: 100 }, { cell_id: 'B' }] },
      { time: 2, cells: [{ cell_id: 'B', rsrp_dbm: -90 }] },
    ];
    expect(without(reports, new Set(['B']), new Set(['toa_ns']))).toEqual([
      { time: 1, cells: [{ cell_id: 'A', rsrp_dbm: -80 }] },
    ]);
  });
});

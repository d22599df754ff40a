import { expect, test } from 'vitest';
import type { DriveTest } from '../api/types';
import { nearestPoint, summary } from './drive-residuals';

function driveTest(residuals: (number | null)[]): DriveTest {
  return {
    type: 'FeatureCollection',
    features: residuals.map((residual_db, i) => ({
      type: 'Feature',
      geometry: { type: 'Point', coordinates: [11 + i / 1000, 48] },
      properties: {
        cell_id: 'A1',
        rsrp_dbm: -90,
        expected_dbm: residual_db === null ? null : -90 - residual_db,
        residual_db,
        time: null,
      },
    })),
  };
}

test('spread and mean are those of the points where the map has a value', () => {
  const found = summary(driveTest([3, -3, null, 9]));
  expect(found.count).toBe(4);
  expect(found.without).toBe(1);
  expect(found.mean_db).toBeCloseTo(3);
  expect(found.rms_db).toBeCloseTo(Math.sqrt(33));
  expect(found.limit_db).toBe(9);
});

test('the ramp is never narrower than what receivers are off by', () => {
  expect(summary(driveTest([0.1, -0.2])).limit_db).toBe(6);
  expect(summary(driveTest([]))).toMatchObject({ rms_db: null, limit_db: 6 });
});

test('the point at the cursor is the nearest one, if it is near', () => {
  const points = driveTest([1, 2]);
  expect(nearestPoint(points, [11.0009, 48], 20)?.properties.residual_db).toBe(2);
  expect(nearestPoint(points, [11.0005, 48], 20)).toBeNull();
});

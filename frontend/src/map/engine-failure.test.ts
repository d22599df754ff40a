import { describe, expect, it } from 'vitest';
import { engineFailureReason, isEngineFailure } from './engine-failure';

const OWN = 'http://localhost:8000';

describe('isEngineFailure', () => {
  it.each([
    ['a refused token, even after the map was drawn', { message: 'x', status: 401 }, true, true],
    ['no token', { message: 'A valid Mapbox access token is required' }, true, true],
    ['a style that never came', { message: 'Failed to fetch' }, false, true],
    ['a lost tile of a running map', { message: 'Failed to fetch' }, true, false],
    ['a layer of ours', { message: 'layers.trails.paint: unknown property' }, false, false],
    ['our own image', { message: 'Not Found', url: `${OWN}/api/v1/x.png` }, false, false],
  ])('%s', (_, error, loaded, fatal) => {
    expect(isEngineFailure(error, loaded, OWN)).toBe(fatal);
  });
});

describe('engineFailureReason', () => {
  it('tells a refusal from silence', () => {
    expect(engineFailureReason({ message: 'Unauthorized', status: 401 })).toMatch(/token/);
    expect(engineFailureReason({ message: 'Failed to fetch (x?access_token=pk.y)' })).toMatch(
      /reached/,
    );
  });
});

import { expect, test } from 'vitest';
import { mapboxStyle } from './use-base-style';

test("without a choice, Mapbox's style of the viewer's scheme", () => {
  expect(mapboxStyle(null, 'dark')).toBe('mapbox://styles/mapbox/dark-v11');
  expect(mapboxStyle(undefined, 'light')).toBe('mapbox://styles/mapbox/light-v11');
});

test('a chosen style is used as it is', () => {
  expect(mapboxStyle('mapbox://styles/me/abc', 'dark')).toBe('mapbox://styles/me/abc');
});

test('Standard keeps to the ground and leaves the buildings to the console', () => {
  expect(mapboxStyle('mapbox://styles/mapbox/standard', 'dark')).toMatchObject({
    imports: [
      {
        url: 'mapbox://styles/mapbox/standard',
        config: { show3dObjects: false, lightPreset: 'night' },
      },
    ],
    terrain: null,
  });
});

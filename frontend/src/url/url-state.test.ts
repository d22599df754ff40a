import { describe, expect, it } from 'vitest';
import { DEFAULT_STATE, formatUrl, parseUrl, type UrlState } from './url-state';

describe('URL state', () => {
  it('is empty for the default view', () => {
    expect(formatUrl(DEFAULT_STATE)).toBe('');
    expect(parseUrl('')).toEqual(DEFAULT_STATE);
  });

  it('survives a round trip', () => {
    const state: UrlState = {
      scene: 'munich',
      view: { latitude: 48.1379, longitude: 11.5759, zoom: 15.25, bearing: -20.5, pitch: 50 },
      ue: 'ue 01&x=1',
      fix: 'abc',
      tab: 'residuals',
      overlay: 'posterior',
      layer: 0,
      head: 3,
      feature: null,
      cell: 'S1-2',
      opacity: 0,
      hidden: ['labels', 'buildings'],
      range: [-100, -60],
      compare: 'sinr',
      follow: true,
      time: Date.parse('2026-11-24T12:00:00.500Z'),
      page: 'alerts',
      panel: false,
      sort: 'age',
      geofences: [{ name: 'Square', lon: 11.5, lat: 48.1, radius_m: 50 }],
      query: 'bus',
    };
    expect(parseUrl(formatUrl(state))).toEqual(state);
  });

  it.each([
    ['?at=1,2,3', 'too few numbers'],
    ['?at=91,11,15,0,0', 'a latitude off the map'],
    ['?at=48,11,NaN,0,0', 'not a number'],
    ['?at=48,,15,0,0', 'an empty number'],
    ['?tab=nothing&overlay=all&layer=-1&head=x&opacity=101&hide=moon', 'unknown words'],
  ])('ignores %s (%s)', (search) => {
    expect(parseUrl(search)).toEqual(DEFAULT_STATE);
  });
});

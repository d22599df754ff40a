import { afterEach, describe, expect, it, vi } from 'vitest';
import { ServiceError, UnreachableError, apiPath, getJson, serviceNow_ms } from './client';

afterEach(() => vi.unstubAllGlobals());

function answer(body: unknown, init: ResponseInit) {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(body), init)));
}

describe('apiPath', () => {
  it('escapes segments and leaves out empty query values', () => {
    expect(apiPath(['ues', 'a/b', 'track'], { since: null, until: 5, x: undefined })).toBe(
      '/api/v1/ues/a%2Fb/track?until=5',
    );
    expect(apiPath(['scenes'])).toBe('/api/v1/scenes');
  });
});

describe('getJson', () => {
  it('turns a problem document into a ServiceError with its code', async () => {
    answer({ code: 'outside_map', detail: 'not on the map' }, { status: 404 });
    const error = await getJson('/x').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ServiceError);
    expect(error).toMatchObject({ status: 404, code: 'outside_map', message: 'not on the map' });
  });

  it('survives an error that is no problem document', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('<h1>', { status: 502 })));
    await expect(getJson('/x')).rejects.toMatchObject({ status: 502, code: 'http_error' });
  });

  it('says what to do when nobody answers, and leaves a cancelled request alone', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    await expect(getJson('/x')).rejects.toThrow(UnreachableError);
    const cancelled = new DOMException('left', 'AbortError');
    vi.stubGlobal('fetch', () => Promise.reject(cancelled));
    await expect(getJson('/x')).rejects.toBe(cancelled);
  });

  it("follows the service's clock when the viewer's is wrong", async () => {
    const date = new Date(Date.now() - 3_600_000).toUTCString();
    answer({}, { status: 200, headers: { Date: date } });
    await getJson('/x');
    expect(Math.abs(serviceNow_ms() - (Date.now() - 3_600_000))).toBeLessThan(1500);
    answer({}, { status: 200, headers: { Date: new Date().toUTCString() } });
    await getJson('/x');
    expect(Math.abs(serviceNow_ms() - Date.now())).toBeLessThan(5);
  });
});

/**
 * Measures the console in a browser: node scripts/measure-console.mjs URL UES SECONDS LOADS
 *
 * Prints JSON: `first_marker_s` of each load, and, on the last one, once all UEs are there: frames
 * in which the UEs were drawn anew a second (`fps`), and the main thread's busy time for each of
 * them [ms]. RAYFIX_PROFILE=FILE keeps a CPU profile of that time. CHROMIUM is the browser.
 */
import { writeFileSync } from 'node:fs';
import { chromium } from '@playwright/test';

const [url, ues, seconds, loads] = process.argv.slice(2);
const SETTLE_MS = 6_000;
const ARGUMENTS = process.env.CHROMIUM_ARGS?.split(' ') ?? [
  '--headless=new',
  '--no-sandbox',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];

/** Runs in the page: counts frames in which the UEs' canvas is drawn on, and times the first. */
function watchDrawing() {
  const seen = { frames: 0, firstMarker_ms: null };
  window.rayfixDrawing = seen;
  let frame = -1;
  const timeFirst = (gl) => {
    const done = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    const look = () => {
      const state = gl.clientWaitSync(done, 0, 0);
      if (state === gl.TIMEOUT_EXPIRED) setTimeout(look, 4);
      else seen.firstMarker_ms = performance.now();
    };
    setTimeout(look, 0);
    seen.firstMarker_ms = Infinity;
  };
  const of = WebGL2RenderingContext.prototype;
  for (const name of ['drawArraysInstanced', 'drawElementsInstanced']) {
    const draw = of[name];
    of[name] = function (...args) {
      const result = draw.apply(this, args);
      if (this.canvas.id === 'deckgl-overlay') {
        if (seen.firstMarker_ms === null) timeFirst(this);
        // The timeline stands still within a frame.
        if (document.timeline.currentTime !== frame) {
          frame = document.timeline.currentTime;
          seen.frames++;
        }
      }
      return result;
    };
  }
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ARGUMENTS,
});

/** A page in a context of its own: an empty cache. */
async function load() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(watchDrawing);
  await page.goto(url, { waitUntil: 'commit' });
  await page.waitForFunction(() => Number.isFinite(window.rayfixDrawing.firstMarker_ms ?? NaN), {
    timeout: 60_000,
  });
  const first_s = (await page.evaluate(() => window.rayfixDrawing.firstMarker_ms)) / 1000;
  return { context, page, first_s };
}

/** Time that the main thread was busy [s] and frames so far. */
async function reading(page, devtools) {
  const { metrics } = await devtools.send('Performance.getMetrics');
  const busy_s = metrics.find(({ name }) => name === 'TaskDuration').value;
  const at_s = metrics.find(({ name }) => name === 'Timestamp').value;
  return { busy_s, at_s, frames: await page.evaluate(() => window.rayfixDrawing.frames) };
}

const first_marker_s = [];
try {
  for (let i = 1; i < Number(loads); i++) {
    const { context, first_s } = await load();
    first_marker_s.push(first_s);
    await context.close();
  }
  const { page, first_s } = await load();
  first_marker_s.push(first_s);
  await page.waitForFunction(
    (wanted) => Number(document.querySelector('.ue-list .count')?.textContent) >= wanted,
    Number(ues),
    { timeout: 60_000 },
  );
  await page.waitForTimeout(SETTLE_MS);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  const profiled = process.env.RAYFIX_PROFILE;
  if (profiled) {
    await devtools.send('Profiler.enable');
    await devtools.send('Profiler.start');
  }
  const before = await reading(page, devtools);
  await page.waitForTimeout(Number(seconds) * 1000);
  const after = await reading(page, devtools);
  if (profiled) {
    const { profile } = await devtools.send('Profiler.stop');
    writeFileSync(profiled, JSON.stringify(profile));
  }
  if (process.env.RAYFIX_PICTURE) await page.screenshot({ path: process.env.RAYFIX_PICTURE });
  const frames = after.frames - before.frames;
  const renderer = await page.evaluate(() => {
    const gl = document.createElement('canvas').getContext('webgl2');
    const named = gl?.getExtension('WEBGL_debug_renderer_info');
    return named ? gl.getParameter(named.UNMASKED_RENDERER_WEBGL) : null;
  });
  console.log(
    JSON.stringify({
      renderer,
      first_marker_s,
      frames,
      fps: frames / (after.at_s - before.at_s),
      main_ms_per_frame: (1000 * (after.busy_s - before.busy_s)) / frames,
      main_share: (after.busy_s - before.busy_s) / (after.at_s - before.at_s),
    }),
  );
} finally {
  await browser.close();
}

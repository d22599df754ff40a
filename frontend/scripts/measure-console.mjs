/**
 * Measures the console in a browser: node scripts/measure-console.mjs URL UES SECONDS LOADS
 *
 * Prints JSON: `first_marker_s` of each load, and, on the last one, once all UEs are there: frames
 * in which the UEs were drawn anew a second (`fps`); and for each of them [ms] how long the main
 * thread was busy, the processor's time in that, and its time in the browser's graphics process
 * (without a graphics card, that is drawing). RAYFIX_PROFILE=FILE keeps a CPU profile. CHROMIUM is
 * the browser.
 */
/* global window, document, WebGL2RenderingContext -- what runs in the page */
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
  for (const name of ['drawElements', 'drawArraysInstanced', 'drawElementsInstanced']) {
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

async function metricsOf(session) {
  const { metrics } = await session.send('Performance.getMetrics');
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

/** Opens what `reading` asks: the main thread by the clock and by the processor, and the browser. */
async function meters(page) {
  const [clock, processor] = await Promise.all(
    [1, 2].map(() => page.context().newCDPSession(page)),
  );
  await clock.send('Performance.enable', { timeDomain: 'timeTicks' });
  await processor.send('Performance.enable', { timeDomain: 'threadTicks' });
  return { page, clock, processor, all: await browser.newBrowserCDPSession() };
}

/** Times so far [s], and frames. */
async function reading({ page, clock, processor, all }) {
  const { TaskDuration, Timestamp } = await metricsOf(clock);
  const { processInfo } = await all.send('SystemInfo.getProcessInfo');
  return {
    at: Timestamp,
    main: TaskDuration,
    main_cpu: (await metricsOf(processor)).TaskDuration,
    graphics_cpu: processInfo.find(({ type }) => type === 'GPU')?.cpuTime ?? 0,
    frames: await page.evaluate(() => window.rayfixDrawing.frames),
  };
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
  const open = await meters(page);
  const profiled = process.env.RAYFIX_PROFILE;
  if (profiled) {
    await open.clock.send('Profiler.enable');
    await open.clock.send('Profiler.start');
  }
  const before = await reading(open);
  await page.waitForTimeout(Number(seconds) * 1000);
  const after = await reading(open);
  if (profiled) {
    const { profile } = await open.clock.send('Profiler.stop');
    writeFileSync(profiled, JSON.stringify(profile));
  }
  const spent = (what) => after[what] - before[what];
  if (process.env.RAYFIX_PICTURE) await page.screenshot({ path: process.env.RAYFIX_PICTURE });
  const renderer = await page.evaluate(() => {
    const gl = document.createElement('canvas').getContext('webgl2');
    const named = gl?.getExtension('WEBGL_debug_renderer_info');
    return named ? gl.getParameter(named.UNMASKED_RENDERER_WEBGL) : null;
  });
  console.log(
    JSON.stringify({
      renderer,
      first_marker_s,
      fps: spent('frames') / spent('at'),
      main_ms_per_frame: (1000 * spent('main')) / spent('frames'),
      main_cpu_ms_per_frame: (1000 * spent('main_cpu')) / spent('frames'),
      graphics_cpu_ms_per_frame: (1000 * spent('graphics_cpu')) / spent('frames'),
    }),
  );
} finally {
  await browser.close();
}

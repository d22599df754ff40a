/** The real service and the real feed, as processes that a test can stop and start again. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test as base } from '@playwright/test';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RAYFIX = process.env['RAYFIX'] ?? join(ROOT, '.venv/bin/rayfix');
export const PYTHON = process.env['RAYFIX_PYTHON'] ?? join(ROOT, '.venv/bin/python');
const READY_WITHIN_MS = 90_000;

export const UES = 20;
/** Locating and drawing share the processor here. */
const FEED_INTERVAL_S = '2';

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function stop(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(hard);
}

export class Service {
  private server: ChildProcess | null = null;
  private feed: ChildProcess | null = null;
  readonly folder = mkdtempSync(join(tmpdir(), 'rayfix-e2e-'));

  private constructor(private readonly port: number) {
    // A run that is cut short leaves nothing behind.
    process.once('exit', () => {
      this.feed?.kill('SIGKILL');
      this.server?.kill('SIGKILL');
    });
  }

  /** The service writes a line per request: kept in a file, shown when something fails. */
  private run(args: string[], environment: Record<string, string> = {}): ChildProcess {
    const log = openSync(join(this.folder, `${args[0]}.log`), 'a');
    return spawn(RAYFIX, args, {
      cwd: ROOT,
      env: { ...process.env, ...environment },
      stdio: ['ignore', log, log],
    });
  }

  /** Runs a command to its end; what it wrote. */
  command(...args: string[]): string {
    return execFileSync(RAYFIX, args, { cwd: ROOT, encoding: 'utf8' });
  }

  private log(name: string): string {
    return readFileSync(join(this.folder, `${name}.log`), 'utf8').slice(-2000);
  }

  static async create(): Promise<Service> {
    return new Service(await freePort());
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** `environment` may name other maps than the repository's. */
  async startServer(environment: Record<string, string> = {}): Promise<void> {
    this.server = this.run(['serve', '--host', '127.0.0.1', '--port', String(this.port)], {
      RAYFIX_LIVE_LOG: join(this.folder, 'live.sqlite'),
      MAPBOX_TOKEN: '',
      ...environment,
    });
    await this.ready(this.server);
  }

  /** The service with a fix a second of each of many UEs put into its feed: nothing is located. */
  async startCrowd(ues: number): Promise<void> {
    const program = join(ROOT, 'benchmarks/console_publisher.py');
    const log = openSync(join(this.folder, 'serve.log'), 'a');
    this.server = spawn(PYTHON, [program, String(this.port), String(ues), '1', this.folder], {
      cwd: ROOT,
      env: { ...process.env, MAPBOX_TOKEN: '' },
      stdio: ['ignore', log, log],
    });
    await this.ready(this.server);
  }

  private async ready(server: ChildProcess): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const ready = await fetch(`${this.url}/readyz`).then(
        (reply) => reply.ok,
        () => false,
      );
      if (ready) return;
      if (server.exitCode !== null) throw new Error(`rayfix serve ended:\n${this.log('serve')}`);
      if (Date.now() > deadline)
        throw new Error(`rayfix serve is not ready:\n${this.log('serve')}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  stopServer(): Promise<void> {
    return stop(this.server);
  }

  startFeed(): void {
    this.feed = this.run([
      'feed',
      '--ues',
      String(UES),
      '--interval',
      FEED_INTERVAL_S,
      '--url',
      this.url,
    ]);
  }

  async stopFeed(): Promise<void> {
    await stop(this.feed);
    this.feed = null;
  }

  async end(): Promise<void> {
    await this.stopFeed();
    await this.stopServer();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async get<T>(path: string): Promise<T> {
    const reply = await fetch(this.url + path);
    if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
    return (await reply.json()) as T;
  }
}

/** Tests share one service with its feed running. */
export const test = base.extend<object, { service: Service }>({
  service: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the fixtures from the pattern.
    async ({}, use) => {
      const service = await Service.create();
      try {
        await service.startServer();
        service.startFeed();
        await use(service);
      } finally {
        await service.end();
      }
    },
    { scope: 'worker', timeout: 180_000 },
  ],
});

export { expect } from '@playwright/test';

/** Owns one compiled server as an operator would run it: a process of its own, a fresh directory, a free port. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import AdmZip from 'adm-zip';
import { labels } from '../../src/driver/docker/container-options.js';
import { assertOk, ConnectionPool, requestBytes, type Answer } from './http-connection.js';
import type { RawEngine } from './raw-engine.js';

const READY_MS = 60_000;
const STOP_MS = 20_000;
const POLL_MS = 20;

export interface ServerOptions {
  /** `main.js` of the build to run. */
  entry: string;
  /** Besides the directory, the port and the log level. */
  settings: Record<string, string>;
  engine: RawEngine;
}

/** What to wait for besides nothing being under way. */
export interface Quiet {
  /** So many containers in the state, or more. */
  standby?: number;
  loaded?: number;
  /** Nothing changed for this long; default 500. */
  stableMs?: number;
  limitMs?: number;
}

const UNDER_WAY = ['starting', 'loading', 'stopping', 'busy'];

export class ServerUnderTest {
  readonly dir: string;
  readonly port: number;
  /** What the server's own requests carry: with accounts, the admin key. */
  readonly #headers: Record<string, string>;
  readonly #engine: RawEngine;
  readonly #child: ChildProcess;
  readonly #control: ConnectionPool;

  private constructor(
    dir: string,
    port: number,
    headers: Record<string, string>,
    child: ChildProcess,
    engine: RawEngine,
  ) {
    this.dir = dir;
    this.port = port;
    this.#headers = headers;
    this.#child = child;
    this.#engine = engine;
    this.#control = new ConnectionPool(port);
  }

  /** Ready when it resolves. */
  static async start({ entry, settings, engine }: ServerOptions): Promise<ServerUnderTest> {
    const dir = mkdtempSync(join(tmpdir(), 'glambdar-bench-data-'));
    const { PATH, DOCKER_HOST, GLAMBDAR_IMAGE } = process.env;
    const child = spawn(process.execPath, [entry], {
      env: {
        PATH,
        ...(DOCKER_HOST ? { DOCKER_HOST } : {}),
        ...(GLAMBDAR_IMAGE ? { GLAMBDAR_IMAGE } : {}),
        GLAMBDAR_DIR: dir,
        GLAMBDAR_PORT: '0',
        GLAMBDAR_LOG_LEVEL: 'warn',
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      // A session of its own, as a service has: it does not share the generator's part of the cores.
      detached: true,
    });
    const killAtExit = (): void => void child.kill('SIGKILL');
    process.once('exit', killAtExit);
    child.once('exit', () => process.off('exit', killAtExit));
    try {
      const said: string[] = [];
      const url = await new Promise<URL>((resolve, reject) => {
        setTimeout(() => reject(new Error('the server was not ready in time')), READY_MS).unref();
        createInterface(child.stdout).on('line', (line) => {
          said.push(line);
          const ready = /ready at (http:\S+)/.exec(line);
          if (ready) resolve(new URL(ready[1]!));
        });
        child.once('exit', (code) => reject(new Error(`the server ended with ${code} while it started`)));
      });
      const key = /shown this once: (\S+)/.exec(said.join('\n'))?.[1];
      const headers = key === undefined ? {} : { 'X-API-Key': key };
      return new ServerUnderTest(dir, Number(url.port), headers, child, engine);
    } catch (error) {
      child.kill('SIGKILL');
      await removeAll(engine, dir).catch(() => undefined); // it may not have come so far as to have an identity
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** One request on a connection of its own kind, apart from the load's. */
  request(
    method: string,
    path: string,
    body?: string | Buffer,
    type?: string,
    headers = this.#headers,
  ): Promise<Answer> {
    return this.#control.call(requestBytes(method, path, body, type, headers));
  }

  /** Deploys one CommonJS file, and others beside it. @param headers say whose it is; by default the admin's */
  async deploy(
    name: string,
    source: string,
    settings: Record<string, string | number> = {},
    files: Record<string, string> = {},
    headers = this.#headers,
  ): Promise<void> {
    const zip = new AdmZip();
    for (const [path, content] of Object.entries(files)) zip.addFile(path, Buffer.from(content));
    zip.addFile('index.js', Buffer.from(source));
    const form = new FormData();
    for (const [key, value] of Object.entries(settings)) form.set(key, String(value));
    form.set('file', new Blob([new Uint8Array(zip.toBuffer())]), `${name}.zip`);
    const encoded = new Response(form);
    const body = Buffer.from(await encoded.arrayBuffer());
    assertOk(await this.request('POST', '/deploy', body, encoded.headers.get('content-type')!, headers));
  }

  async undeploy(...names: string[]): Promise<void> {
    for (const name of names) assertOk(await this.request('DELETE', `/del/${name}`));
  }

  /** Sum of all series of a metric. */
  async metric(name: string): Promise<number> {
    const series = (await this.#metrics()).matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
    return [...series].reduce((sum, match) => sum + Number(match[1]), 0);
  }

  /** Containers by state. */
  async instances(): Promise<Record<string, number>> {
    const series = (await this.#metrics()).matchAll(/^glambdar_instances\{state="(\w+)"\} (\d+)$/gm);
    return Object.fromEntries([...series].map((match) => [match[1]!, Number(match[2])]));
  }

  /** Waits until nothing is under way and as much as asked for is there. @returns the containers by state */
  async quiet({ standby = 0, loaded = 0, stableMs = 500, limitMs = 20_000 }: Quiet = {}): Promise<
    Record<string, number>
  > {
    const deadline = performance.now() + limitMs;
    let before = '';
    let since = performance.now();
    for (;;) {
      const states = await this.instances();
      const now = performance.now();
      const text = JSON.stringify(states);
      const fits =
        UNDER_WAY.every((state) => (states[state] ?? 0) === 0) &&
        (states['standby'] ?? 0) >= standby &&
        (states['loaded'] ?? 0) >= loaded;
      if (text !== before || !fits) since = now;
      before = text;
      if (fits && now - since >= stableMs) return states;
      if (now > deadline)
        throw new Error(`no quiet with ${standby} standby and ${loaded} loaded in ${limitMs} ms: ${text}`);
      await sleep(POLL_MS);
    }
  }

  /** Waits until no container is left in any state. */
  async empty(limitMs = 30_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      if (Object.values(await this.instances()).every((count) => count === 0)) return;
      if (performance.now() > deadline) throw new Error(`containers were not removed within ${limitMs} ms`);
      await sleep(5);
    }
  }

  /** Ids of its containers, in whatever state. */
  containers(): Promise<string[]> {
    return containersOf(this.#engine, this.dir);
  }

  /** Entries of `run/`: those that belong to an instance, and copies of code that are kept for the next one. */
  slots(): { slots: number; trees: number } {
    const entries = readdirSync(join(this.dir, 'run')).filter(
      (entry) => entry !== 'worker' && entry !== 'context',
    );
    const trees = entries.filter((entry) => entry.startsWith('tree-')).length;
    return { slots: entries.length - trees, trees };
  }

  /** Stops it and removes its directory. @returns how many containers it left, which are then removed */
  async stop(): Promise<number> {
    this.#control.close();
    const ended = (): boolean => this.#child.exitCode !== null || this.#child.signalCode !== null;
    if (!ended()) {
      const exit = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
      await exit;
      clearTimeout(timer);
    }
    const left = await removeAll(this.#engine, this.dir);
    rmSync(this.dir, { recursive: true, force: true });
    return left;
  }

  async #metrics(): Promise<string> {
    return assertOk(await this.request('GET', '/metrics')).body.toString();
  }
}

/** Ids of the containers of the server with this directory. */
async function containersOf(engine: RawEngine, dir: string): Promise<string[]> {
  const { id } = JSON.parse(readFileSync(join(dir, 'identity.json'), 'utf8')) as { id: string };
  const filters = encodeURIComponent(JSON.stringify({ label: [`${labels.dir}=${id}`] }));
  const found = await engine.get<{ Id: string }[]>(`/containers/json?all=1&filters=${filters}`);
  return found.map(({ Id }) => Id);
}

/** @returns how many there were */
async function removeAll(engine: RawEngine, dir: string): Promise<number> {
  const left = await containersOf(engine, dir);
  for (const id of left) await engine.call('DELETE', `/containers/${id}?force=1&v=1`).catch(() => undefined);
  return left.length;
}

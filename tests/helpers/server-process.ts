/**
 * Owns a server for a test as an operator would run it: a process of its own with a fresh data directory on a free port,
 * spoken to over HTTP. Its end is checked: no container, no slot, no process may be left.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import AdmZip from 'adm-zip';
import test from 'ava';
import Dockerode from 'dockerode';
import { integrationEnabled } from './integration.js';

const root = join(import.meta.dirname, '../..');
const docker = new Dockerode({ socketPath: '/var/run/docker.sock', timeout: 20_000 });

/** The base image may have to be built first. */
const READY_MS = 60_000;
const STOP_MS = 45_000;
const REQUEST_MS = 40_000;

export interface ServerProcessOptions {
  /** Besides GLAMBDAR_DIR and GLAMBDAR_PORT, which are given; these win. */
  env?: Record<string, string>;
  /** A program to run the server under, e.g. `['strace', '-f', '-o', log]`. */
  wrapper?: [string, ...string[]];
  /** A compiled `main.js` to run in place of `src/main.ts`: see `compiled-server.ts`. */
  entry?: string;
  /** Where its data will be, for a test that does not name the directory in GLAMBDAR_DIR; removed at the end, too. */
  dir?: string;
}

/** Path in the zip → content. */
export type Files = Record<string, string | Buffer>;

export interface RequestOptions {
  method?: string;
  headers?: Record<string, string> | [string, string][];
  body?: string | Uint8Array<ArrayBuffer> | FormData;
  /** Default 40 s: no request of a test waits for ever. */
  timeoutMs?: number;
  /** Besides the time limit. */
  signal?: AbortSignal;
}

/** An answer, read to its end. */
export class Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;

  constructor(status: number, headers: Headers, body: Buffer) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  get text(): string {
    return this.body.toString('utf8');
  }

  /** The body as JSON of whatever shape. */
  get json() {
    return JSON.parse(this.text);
  }
}

export function zipOf(files: Files): Buffer {
  const zip = new AdmZip();
  for (const [name, content] of Object.entries(files)) zip.addFile(name, Buffer.from(content as string));
  return zip.toBuffer();
}

export class ServerProcess {
  readonly dir: string;
  readonly #options: ServerProcessOptions;
  #child: ChildProcess | null = null;
  #url = '';
  #output = { stdout: '', stderr: '' };
  /** The last end was not a stop: what it left is the next start's to remove. */
  #killed = false;

  private constructor(options: ServerProcessOptions) {
    this.#options = options;
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'glambdar-server-'));
  }

  /** Ready when it resolves. Call `destroy` in a teardown. */
  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const server = new ServerProcess(options);
    try {
      await server.restart();
    } catch (error) {
      await server.destroy().catch(() => undefined);
      throw error;
    }
    return server;
  }

  /** `http://127.0.0.1:<port>`; another one after a restart. */
  get url(): string {
    return this.#url;
  }

  /** Where its listener for functions is: `http://127.0.0.1:<port>`; empty when it has none. */
  get functionsUrl(): string {
    return /^Public functions are served at (http:\S+)$/m.exec(this.stdout)?.[1] ?? '';
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** All it wrote to stdout since its last start. */
  get stdout(): string {
    return this.#output.stdout;
  }

  /** All it wrote since it was first started: sentences for the operator, its log, its last words. */
  get stderr(): string {
    return this.#output.stderr;
  }

  /** Value of the label `glambdar.dir` of its containers; empty before the first start has come that far. */
  get dirId(): string {
    try {
      return (JSON.parse(readFileSync(join(this.dir, 'identity.json'), 'utf8')) as { id: string }).id;
    } catch {
      return '';
    }
  }

  /** Starts it (again) on the same directory, after `stop` or `kill`; stops it first when it runs. Rejects with its last words when it ends instead. */
  async restart(env: Record<string, string> = {}): Promise<void> {
    if (this.running) await this.stop();
    const { wrapper, entry } = this.#options;
    const server: [string, ...string[]] = entry
      ? [process.execPath, entry]
      : [process.execPath, '--import=tsx', join(root, 'src/main.ts')];
    const [program, ...args] = wrapper ? ([...wrapper, ...server] as const) : server;
    const child = spawn(program, args, {
      cwd: root,
      env: {
        PATH: process.env['PATH'],
        HOME: this.dir,
        GLAMBDAR_DIR: this.dir,
        GLAMBDAR_PORT: '0',
        ...this.#options.env,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#killed = false;
    this.#output.stdout = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#output.stderr += text));
    this.#url = await new Promise<string>((resolve, reject) => {
      const fail = (what: string): void =>
        reject(new Error(`the server ${what}; its stderr ends with:\n${this.stderr.slice(-4_000)}`));
      const timer = setTimeout(() => fail('was not ready in time'), READY_MS);
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        this.#killed ||= signal !== null;
        fail(`ended with ${signal ?? `code ${code}`}`);
      });
      child.once('error', reject);
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        this.#output.stdout += text;
        const ready = /Glambdar is ready at (http:\S+)\r?\n/.exec(this.#output.stdout);
        if (!ready) return;
        clearTimeout(timer);
        resolve(ready[1] as string);
      });
    });
  }

  /** Sends the signal and waits for the end. @returns the exit code, null when a signal ended it */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.running) this.#child?.kill(signal);
    return this.exited();
  }

  /** As a crash; its containers go on running. */
  async kill(): Promise<void> {
    await this.stop('SIGKILL');
  }

  /** Waits for an end that comes by itself. @returns the exit code, null when a signal ended it */
  async exited(): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    try {
      await until('the server ends', () => !this.running, STOP_MS);
    } catch (error) {
      child.kill('SIGKILL');
      this.#killed = true;
      throw error;
    }
    this.#killed ||= child.signalCode !== null;
    return child.exitCode;
  }

  /** One request, its answer read to the end. Rejects when the connection is cut. */
  async request(
    path: string,
    { timeoutMs = REQUEST_MS, signal, ...init }: RequestOptions = {},
  ): Promise<Answer> {
    const limit = AbortSignal.timeout(timeoutMs);
    const response = await fetch(this.#url + path, {
      ...init,
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    return new Answer(response.status, response.headers, Buffer.from(await response.arrayBuffer()));
  }

  /** Uploads the files as `<name>.zip`. Fields that are not strings are sent as JSON. */
  async deploy(name: string, files: Files | Buffer, fields: Record<string, unknown> = {}): Promise<Answer> {
    const form = new FormData();
    for (const [key, value] of Object.entries(fields))
      form.append(key, typeof value === 'string' ? value : JSON.stringify(value));
    const zip = Buffer.isBuffer(files) ? files : zipOf(files);
    form.append('file', new Blob([new Uint8Array(zip)]), `${name}.zip`);
    return this.request('/deploy', { method: 'POST', body: form });
  }

  /** As `deploy`, of one CommonJS file; throws unless it was deployed. */
  async deployed(name: string, source: string, fields: Record<string, unknown> = {}): Promise<void> {
    const answer = await this.deploy(name, { 'index.js': source }, fields);
    if (answer.status !== 201) throw new Error(`${name} was not deployed: ${answer.status} ${answer.text}`);
  }

  /** POST unless a method is given. @param name may go on with a path and a query */
  async invoke(name: string, options: RequestOptions = {}): Promise<Answer> {
    return this.request(`/invoke/${name}`, { method: 'POST', ...options });
  }

  /** Its containers, in whatever state. */
  async containers(): Promise<Dockerode.ContainerInfo[]> {
    const id = this.dirId;
    return id === '' ? [] : docker.listContainers({ all: true, filters: { label: [`glambdar.dir=${id}`] } });
  }

  /** Entries of `run/` that belong to an instance. */
  slots(): string[] {
    return this.#run().filter((entry) => !entry.startsWith('tree-') && entry !== 'context');
  }

  /** Entries of `run/` that are copies of code, ready for a slot. */
  trees(): string[] {
    return this.#run().filter((entry) => entry.startsWith('tree-'));
  }

  #run(): string[] {
    try {
      return readdirSync(join(this.dir, 'run')).filter((entry) => entry !== 'worker');
    } catch {
      return [];
    }
  }

  /** A value of /metrics, 0 when there is none. @param series as it stands there, labels included */
  async metric(series: string): Promise<number> {
    const { text } = await this.request('/metrics');
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    return line === undefined ? 0 : Number(line.slice(series.length + 1));
  }

  /** What must be so while no call is running: nothing under way, and no container or slot but those of idle instances. Polls. */
  async assertIdle(): Promise<void> {
    let wrong = '';
    await until('only what is idle is left', async () => (wrong = await this.#unrest()) === '', 30_000).catch(
      (error: unknown) => {
        throw new Error(wrong, { cause: error });
      },
    );
  }

  /** Stops it, removes its directory, and throws when it left something behind. May be called twice. */
  async destroy(): Promise<void> {
    const wrong: string[] = [];
    try {
      if (this.running) {
        const code = await this.stop();
        if (code !== 0) wrong.push(`exit code ${code} at SIGTERM`);
      }
    } catch (error) {
      wrong.push((error as Error).message);
    }
    if (!this.#killed && wrong.length === 0) wrong.push(...(await this.#leftovers()));
    for (const { Id } of await this.containers())
      await docker
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => undefined);
    await until('its processes are gone', () => this.#processes().length === 0, 10_000).catch(() =>
      wrong.push(`processes ${this.#processes().join(', ')}`),
    );
    rmSync(this.dir, { recursive: true, force: true });
    if (wrong.length > 0)
      throw new Error(
        `the server left: ${wrong.join('; ')}; its stderr ends with:\n${this.stderr.slice(-4_000)}`,
      );
  }

  /** Says what is not at rest; empty when all is. */
  async #unrest(): Promise<string> {
    const { text } = await this.request('/metrics');
    const states = [...text.matchAll(/^glambdar_instances\{state="(\w+)"\} (\d+)$/gm)];
    const count = (...names: string[]): number =>
      states.reduce((sum, [, state, value]) => sum + (names.includes(state!) ? Number(value) : 0), 0);
    const moving = count('starting', 'loading', 'busy', 'stopping');
    if (moving > 0) return `${moving} instances are under way`;
    const idle = count('standby', 'loaded', 'warm');
    const all = await this.containers();
    const beside = all.flatMap(({ Labels }) => Labels['glambdar.beside'] ?? []);
    const containers = all.filter(({ Labels }) => !('glambdar.beside' in Labels));
    const lonely = beside.filter(
      (id) => !containers.some(({ Labels }) => Labels['glambdar.instance'] === id),
    );
    if (lonely.length > 0) return `images beside instances that are gone: ${lonely.join(', ')}`;
    const odd = all.filter(({ State }) => State !== 'running').map(({ Status }) => Status);
    const slots = this.slots().length;
    if (odd.length === 0 && containers.length === idle && slots === idle) return '';
    return `${idle} idle instances, ${containers.length} containers, ${slots} slots; not running: ${odd.join(', ')}`;
  }

  async #leftovers(): Promise<string[]> {
    const containers = (await this.containers()).map(({ Names, Status }) => `${Names[0]} (${Status})`);
    return [...containers, ...this.#run().map((entry) => `run/${entry}`)];
  }

  /** Processes on this machine that were started with its directory: the server's own and its children. */
  #processes(): string[] {
    return readdirSync('/proc').filter((entry) => {
      if (!/^\d+$/.test(entry)) return false;
      try {
        return readFileSync(`/proc/${entry}/environ`, 'latin1').includes(`GLAMBDAR_DIR=${this.dir}\0`);
      } catch {
        return false; // gone meanwhile
      }
    });
  }
}

/** One server for all tests of a file, started before the first and destroyed after the last. */
export function serverForFile(options: ServerProcessOptions = {}): () => ServerProcess {
  let server: ServerProcess | undefined;
  if (integrationEnabled) {
    test.before('the server starts', async (t) => {
      t.timeout(READY_MS + 10_000);
      server = await ServerProcess.start(options);
    });
    test.after.always('the server leaves nothing behind', async (t) => {
      t.timeout(STOP_MS + 30_000);
      await server?.destroy();
    });
  }
  return () => {
    if (!server) throw new Error('there is a server only while a test runs');
    return server;
  };
}

/** Two at a time, in order: containers are what a machine has to make, and tables of calls are long. */
export async function eachOf<T>(items: readonly T[], work: (item: T) => unknown, atOnce = 2): Promise<void> {
  const next = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of next) await work(item);
    }),
  );
}

/** Asks again and again, for what no event tells. Rejects when it does not become true in time. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await sleep(50);
  }
}

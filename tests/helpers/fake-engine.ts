/**
 * Owns a stand-in for the Docker daemon: the few calls of the Engine API the driver makes, on a Unix socket, over containers
 * that are only records. It can freeze, go away and come back, and it can be slow.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface FakeContainer {
  id: string;
  name: string;
  labels: Record<string, string>;
  state: 'created' | 'running' | 'exited';
  exitCode: number;
  oomKilled: boolean;
}

export class FakeEngine {
  readonly directory = mkdtempSync(join(tmpdir(), 'glambdar-fake-'));
  readonly socketPath = join(this.directory, 'docker.sock');
  readonly containers = new Map<string, FakeContainer>();
  /** `METHOD /path` of every request. */
  readonly requests: string[] = [];
  /** Answers `METHOD /path` prefixes with a status and a message instead. */
  readonly failures = new Map<string, { status: number; message: string }>();
  /** What `/info` says beside the ordinary. */
  info: Record<string, unknown> = {};
  logs = Buffer.alloc(0);
  /** What `/stats` says of running containers, by name. */
  readonly stats = new Map<string, object>();
  #server: Server | undefined;
  #frozen: (() => void)[] | undefined;
  #held = new Map<string, (() => void)[]>();
  readonly #events = new Set<ServerResponse>();

  static async start(): Promise<FakeEngine> {
    const engine = new FakeEngine();
    await engine.comeBack();
    return engine;
  }

  get host(): string {
    return `unix://${this.socketPath}`;
  }

  /** How many event streams are open. */
  get watchers(): number {
    return this.#events.size;
  }

  /** Takes requests and does nothing, until `thaw`. */
  freeze(): void {
    this.#frozen = [];
  }

  thaw(): void {
    const waiting = this.#frozen ?? [];
    this.#frozen = undefined;
    for (const resume of waiting) resume();
  }

  /** Requests `METHOD /path` wait until `release`. */
  hold(prefix: string): void {
    this.#held.set(prefix, []);
  }

  release(prefix: string): void {
    const waiting = this.#held.get(prefix) ?? [];
    this.#held.delete(prefix);
    for (const resume of waiting) resume();
  }

  /** Cuts every connection and the socket. */
  async goAway(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  }

  async comeBack(): Promise<void> {
    this.#server = createServer((request, response) => void this.#handle(request, response));
    await new Promise<void>((resolve) => this.#server?.listen(this.socketPath, resolve));
  }

  async close(): Promise<void> {
    this.thaw();
    await this.goAway();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Ends a container as if by itself, and says so. */
  die(name: string, exitCode: number, { oomKilled = false, silently = false } = {}): void {
    const container = this.containers.get(name);
    if (container === undefined) throw new Error(`no container ${name}`);
    Object.assign(container, { state: 'exited', exitCode, oomKilled });
    if (!silently) this.emit('die', container, { exitCode: String(exitCode) });
  }

  emit(action: string, container: FakeContainer, attributes: Record<string, string> = {}): void {
    const event = {
      Type: 'container',
      Action: action,
      Actor: { ID: container.id, Attributes: { ...container.labels, ...attributes } },
    };
    for (const response of this.#events) response.write(`${JSON.stringify(event)}\n`);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://docker');
    const line = `${request.method} ${url.pathname}`;
    this.requests.push(line);
    const body = await text(request).catch(() => '');
    const frozen = this.#frozen;
    if (frozen) await new Promise<void>((resume) => frozen.push(resume));
    for (const [prefix, waiting] of this.#held) {
      if (line.startsWith(prefix)) await new Promise<void>((resume) => waiting.push(resume));
    }
    const failure = [...this.failures].find(([prefix]) => line.startsWith(prefix))?.[1];
    if (failure) return answer(response, failure.status, { message: failure.message });
    this.#answer(line, url, body, response);
  }

  #answer(line: string, url: URL, body: string, response: ServerResponse): void {
    const name = /^\w+ \/containers\/([^/]+)/.exec(line)?.[1] ?? '';
    const container =
      this.containers.get(name) ?? [...this.containers.values()].find(({ id }) => id === name);
    if (line === 'GET /_ping') return answer(response, 200, 'OK');
    if (line === 'GET /version') return answer(response, 200, { ApiVersion: '1.41' });
    if (line === 'GET /info') {
      const ordinary = {
        OSType: 'linux',
        CgroupDriver: 'cgroupfs',
        InitBinary: 'docker-init',
        Runtimes: { runc: {} },
      };
      return answer(response, 200, { ...ordinary, SecurityOptions: ['name=seccomp'], ...this.info });
    }
    if (line.startsWith('GET /images/'))
      return answer(response, 200, { Id: 'sha256:1', Config: { Env: ['PATH=/bin'] } });
    if (line === 'GET /events') {
      response.writeHead(200).flushHeaders();
      this.#events.add(response);
      return void response.on('close', () => this.#events.delete(response));
    }
    if (line === 'GET /containers/json') {
      const label =
        (JSON.parse(url.searchParams.get('filters') ?? '{}') as { label?: string[] }).label?.[0] ?? '';
      const found = [...this.containers.values()].filter(({ labels }) => matches(labels, label));
      return answer(
        response,
        200,
        found.map(({ id, labels, state }) => ({ Id: id, Labels: labels, State: state })),
      );
    }
    if (line === 'POST /containers/create') {
      const id = `id-${url.searchParams.get('name')}`;
      const { Labels = {} } = JSON.parse(body) as { Labels?: Record<string, string> };
      this.add(url.searchParams.get('name') ?? '', Labels);
      return answer(response, 201, { Id: id });
    }
    if (line.startsWith('GET /containers/') && line.endsWith('/logs'))
      return answer(response, 200, this.logs);
    if (line.startsWith('DELETE /networks/')) return answer(response, 404, { message: 'no such network' });
    if (container === undefined) return answer(response, 404, { message: `No such container: ${name}` });
    if (line.endsWith('/start')) {
      container.state = 'running';
      return answer(response, 204, '');
    }
    if (line.endsWith('/stats')) return answer(response, 200, this.stats.get(container.name) ?? {});
    if (line.endsWith('/kill')) {
      this.die(container.name, 137);
      return answer(response, 204, '');
    }
    if (line.startsWith('DELETE')) {
      this.containers.delete(container.name);
      return answer(response, 204, '');
    }
    const { exitCode: ExitCode, oomKilled: OOMKilled } = container;
    return answer(response, 200, { Id: container.id, State: { ExitCode, OOMKilled } });
  }

  /** A container nobody asked for. */
  add(name: string, labels: Record<string, string>): void {
    this.containers.set(name, {
      id: `id-${name}`,
      name,
      labels,
      state: 'created',
      exitCode: 0,
      oomKilled: false,
    });
  }
}

function matches(labels: Record<string, string>, filter: string): boolean {
  const [key = '', value] = filter.split('=');
  return value === undefined ? key in labels : labels[key] === value;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  response
    .writeHead(status, status === 204 ? {} : { 'content-length': bytes.length })
    .end(status === 204 ? undefined : bytes);
}

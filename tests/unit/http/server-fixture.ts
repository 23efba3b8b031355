/** Owns a real server on a free port with fake parts behind it. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { BlockList } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { MemoryRouteStore } from '../../helpers/memory-route-store.js';
import { Routes } from '../../../src/registry/routes.js';
import { Quotas } from '../../../src/accounts/quotas.js';
import { createApp, type AppConfig, type AppDeps } from '../../../src/http/app.js';
import { BodyBudget } from '../../../src/http/answers/body-budget.js';
import type { RequestObservation } from '../../../src/http/middleware/observe.js';
import type { HttpApp } from '../../../src/http/http-app.js';
import { createServer, type HttpServer, type ServerOptions } from '../../../src/http/server.js';
import { FakeInvoker, FakeLogs, FakeRegistry, FakeSecrets, silentLogger } from './fakes.js';
import { RawClient } from './raw-client.js';

const NO_QUOTA = { functions: null, bundleBytes: null, concurrentCalls: null, callsPerMinute: null };

export interface Overrides {
  config?: Partial<AppConfig>;
  server?: Partial<ServerOptions>;
  deps?: Partial<AppDeps>;
  maxBodiesBytes?: number;
}

export interface Fixture {
  app: HttpApp;
  url: string;
  port: number;
  server: HttpServer;
  invoker: FakeInvoker;
  registry: FakeRegistry;
  logs: FakeLogs;
  secrets: FakeSecrets;
  bodies: BodyBudget;
  /** What was logged at warn or above. */
  logged: unknown[];
  observed: RequestObservation[];
  uploads(): Promise<string[]>;
  raw(): Promise<RawClient>;
  get(path: string, init?: RequestInit): Promise<{ response: Response; json: Record<string, unknown> }>;
}

/** Starts; the teardown also checks that every admitted call was run or abandoned, and that no upload is left. */
export async function startServer(t: ExecutionContext, overrides: Overrides = {}): Promise<Fixture> {
  const uploadDir = await mkdtemp(join(tmpdir(), 'glambdar-http-'));
  const invoker = new FakeInvoker();
  const registry = new FakeRegistry();
  const logs = new FakeLogs();
  const secrets = new FakeSecrets();
  const logged: unknown[] = [];
  const observed: RequestObservation[] = [];
  const keep = (...entry: unknown[]): void => void logged.push(entry);
  const logger = { ...silentLogger, warn: keep, error: keep, fatal: keep };
  const bodies = new BodyBudget(overrides.maxBodiesBytes ?? 100_000);
  const app = createApp({
    registry,
    deployments: registry,
    routes: new Routes({ store: new MemoryRouteStore((id) => registry.byId(id) !== undefined), registry }),
    secrets,
    invoker,
    bodies,
    logs,
    readiness: async () => ({ ready: true }),
    metricsText: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'up 1\n' }),
    onRequest: (observation) => observed.push(observation),
    accounts: null,
    doorUrl: null,
    quotas: new Quotas({ list: async () => new Map(), set: async () => undefined }, NO_QUOTA),
    usage: () => ({ functions: 1, bundleBytes: 10, concurrentCalls: 0 }),
    logger,
    config: {
      host: '127.0.0.1',
      publicUrl: null,
      trustedProxies: new BlockList(),
      maxBodyBytes: 1000,
      maxBundleBytes: 100_000,
      uploadDir,
      ...overrides.config,
    },
    ...overrides.deps,
  });
  const server = createServer(app, { host: '127.0.0.1', port: 0, logger, ...overrides.server });
  const { url, port } = await server.listen();
  t.teardown(async () => {
    await server.close(0);
    await invoker.settled();
    const left = await readdir(uploadDir);
    await rm(uploadDir, { recursive: true, force: true });
    if (bodies.usedBytes !== 0) throw new Error(`${bodies.usedBytes} bytes of bodies were not given back`);
    if (left.length > 0) throw new Error(`uploads left behind: ${left.join(', ')}`);
  });
  return {
    app,
    url,
    port,
    server,
    invoker,
    registry,
    logs,
    secrets,
    bodies,
    logged,
    observed,
    uploads: () => readdir(uploadDir),
    raw: () => RawClient.connect(port),
    get: async (path, init) => {
      const response = await fetch(url + path, init);
      return { response, json: (await response.json()) as Record<string, unknown> };
    },
  };
}

/** The head of a raw request with a right Host. */
export function head(requestLine: string, ...headers: string[]): string {
  return [`${requestLine} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');
}

/** So many turns of the event loop, in each of which client and server read what has come. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What was sent before has reached the server when another connection has its answers. */
export async function reached({ raw }: Fixture): Promise<void> {
  const other = await raw();
  for (let request = 0; request < 3; request += 1) await other.send(head('GET /healthz')).response();
  other.socket.destroy();
}

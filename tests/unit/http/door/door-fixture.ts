/** Owns a real server of the listener for functions on a free port, with fake parts behind it. */
import { BlockList } from 'node:net';
import type { ExecutionContext } from 'ava';
import { BodyBudget } from '../../../../src/http/answers/body-budget.js';
import { createDoorApp, type DoorConfig, type DoorDeps } from '../../../../src/http/door/door-app.js';
import type { RequestObservation } from '../../../../src/http/middleware/observe.js';
import { createServer } from '../../../../src/http/server.js';
import { createFunctionId } from '../../../../src/model/function/id.js';
import { refKey, type FunctionRef } from '../../../../src/model/function/ref.js';
import type { FunctionRecord } from '../../../../src/model/function/function.js';
import { DEFAULT_SETTINGS, type FunctionSettings } from '../../../../src/model/function/settings.js';
import { FakeInvoker, silentLogger } from '../fakes.js';
import { RawClient } from '../raw-client.js';

export interface DoorFixture {
  url: string;
  port: number;
  invoker: FakeInvoker;
  observed: RequestObservation[];
  /** Adds a function, or replaces its settings. */
  put(ref: FunctionRef, settings?: Partial<FunctionSettings>): void;
  raw(): Promise<RawClient>;
}

/** Starts with the functions `hello`, which is public, and `secret`, which is not, in `default`. */
export async function startDoor(
  t: ExecutionContext,
  config: Partial<DoorConfig> = {},
  authentication: DoorDeps['authentication'] = null,
): Promise<DoorFixture> {
  const records = new Map<string, FunctionRecord>();
  const invoker = new FakeInvoker();
  const observed: RequestObservation[] = [];
  const bodies = new BodyBudget(100_000);
  const put = (ref: FunctionRef, settings: Partial<FunctionSettings> = {}): void => {
    const id = createFunctionId();
    const source = { type: 'bundle' as const, runtime: 'node' };
    const active = { functionId: id, version: 1, digest: 'sha256:00', sizeBytes: 1, createdAt: 1, source };
    const all = { ...DEFAULT_SETTINGS, ...settings };
    records.set(refKey(ref), { id, ref, createdAt: 1, updatedAt: 1, active, settings: all });
    // Also functions that are not public: a call of one must be noticed.
    invoker.known.add(ref.name);
  };
  put({ namespace: 'default', name: 'hello' }, { public: true });
  put({ namespace: 'default', name: 'secret' });
  const app = createDoorApp({
    functions: { find: (ref) => records.get(refKey(ref)) },
    invoker,
    bodies,
    authentication,
    onRequest: (observation) => observed.push(observation),
    logger: silentLogger,
    config: {
      domain: null,
      withNamespaces: false,
      trustedProxies: new BlockList(),
      maxBodyBytes: 1000,
      ...config,
    },
  });
  const server = createServer(app, { host: '127.0.0.1', port: 0 });
  const { url, port } = await server.listen();
  t.teardown(async () => {
    await server.close(0);
    await invoker.settled();
    if (bodies.usedBytes !== 0) throw new Error(`${bodies.usedBytes} bytes of bodies were not given back`);
  });
  return { url, port, invoker, observed, put, raw: () => RawClient.connect(port) };
}

import type { LogSink } from '../../src/model/call/execution.js';
/** Owns a pool on a fake driver for one test: what it is asked for, and the proof that nothing of it is left. */
import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import { systemClock } from '../../src/clock.js';
import { profileKey, type Profile } from '../../src/model/function/profile.js';
import { UidAllocator } from '../../src/instance/uid-allocator.js';
import { createLogger } from '../../src/logger.js';
import type { ServerImage } from '../../src/instance/companion.js';
import type { Lease } from '../../src/pool/act/lease.js';
import { Pool, type PoolOptions } from '../../src/pool/pool.js';
import type { PoolRequest } from '../../src/pool/requests/instance-waiter.js';
import type { Workload } from '../../src/pool/workload.js';
import type { InvokeMessage } from '../../worker/node/protocol.cjs';
import { answerOf } from './answer-of.js';
import { FakeDriver } from './fake-driver.js';
import { scriptedWorker, type Script } from './scripted-worker.js';
import { temporaryDirectory } from './temporary-directory.js';
import { workerRuntime } from './worker-runtime.js';

export const profile: Profile = {
  runtime: 'node',
  memoryMb: 128,
  cpus: 1,
  network: 'none',
  cpuSeconds: 100,
};

export interface AcquireOptions {
  key?: string;
  reuse?: boolean;
  standby?: number | null;
  check?: boolean;
  memoryMb?: number;
  cpus?: number;
  cpuSeconds?: number;
  signal?: AbortSignal;
  prepareTree?: (target: string) => Promise<void>;
  server?: ServerImage;
  failedLoadOutput?: LogSink;
}

/** Resolves when the condition holds: for what happens behind the scenes, without an event of its own. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** The function is called like its code. */
export function workload(options: AcquireOptions = {}): Workload {
  const {
    key = 'a',
    reuse = false,
    standby = null,
    memoryMb = 128,
    cpus = 1,
    cpuSeconds = 100,
    prepareTree = (target) => mkdir(target).then(() => undefined),
    server = null,
  } = options;
  const shape = { ...profile, memoryMb, cpus, cpuSeconds };
  const load = { name: key, memoryMb, handler: null, contract: 'glambdar' as const, env: {} };
  return {
    flow: key,
    profile: shape,
    profileKey: profileKey(shape),
    code: { key, prepareTree, verifyTree: () => Promise.resolve(), load, server },
    reuse,
    standby,
  };
}

export function request(options: AcquireOptions = {}): PoolRequest {
  return {
    workload: workload(options),
    check: options.check ?? false,
    signal: options.signal ?? new AbortController().signal,
    ...(options.failedLoadOutput && { failedLoadOutput: options.failedLoadOutput }),
  };
}

export function invokeMessage(id = 'call'): InvokeMessage {
  return {
    type: 'invoke',
    id,
    invocationId: id,
    version: 1,
    method: 'GET',
    path: '/',
    query: '',
    headers: [],
    timeoutMs: 1000,
    maxResponseBytes: 1000,
  };
}

/** One call on a lease; its id is part of what the scripted worker sees. */
export async function call(lease: Lease, id = 'call') {
  try {
    return await answerOf(lease.instance, invokeMessage(id), Buffer.alloc(0), () => undefined);
  } catch (error) {
    throw await lease.explain(error);
  }
}

export class PoolFixture {
  readonly driver = new FakeDriver();
  readonly pool: Pool;
  readonly runDir: string;
  /** As "idle>busy", in order, over all instances. */
  readonly transitions: string[] = [];

  constructor(t: ExecutionContext, options: Partial<PoolOptions> = {}, script: Script = {}) {
    this.runDir = temporaryDirectory(t);
    this.driver.inhabitant = scriptedWorker(script);
    this.driver.image = 'nobody';
    this.pool = new Pool({
      driver: this.driver,
      runtimeOf: () => workerRuntime,
      runDir: this.runDir,
      limits: { maxInstances: 4, maxStarting: 2, maxRefilling: 2, placesForCalls: 0, maxWaiting: 10 },
      cores: 25,
      clock: systemClock,
      defaultProfile: profile,
      minStandby: 0,
      memoryBudgetBytes: 1e9,
      surplusMs: 0,
      settleMs: 0,
      lull: { quietMs: 0, mostMs: 0 },
      uids: new UidAllocator(200_000),
      startTimeoutMs: 30_000,
      loadTimeoutMs: 30_000,
      queueTimeoutMs: 30_000,
      keepAliveMs: 600_000,
      maxBodyBytes: 100_000,
      withRoom: async (work) => work(),
      logger: createLogger('silent'),
      onTransition: ({ state }, from) => this.transitions.push(`${from ?? ''}>${state}`),
      ...options,
    });
    this.pool.open();
    t.teardown(async () => {
      await this.pool.destroy();
      await this.driver.close();
    });
  }

  async acquire(options: AcquireOptions = {}): Promise<Lease> {
    return await this.pool.acquire(request(options));
  }

  /** Resolves when no instance, container, slot or tree is left. */
  async empty(): Promise<void> {
    await until(
      () =>
        Object.values(this.pool.counts()).every((count) => count === 0) &&
        this.driver.present.length === 0 &&
        readdirSync(this.runDir).length === 0,
    );
  }
}

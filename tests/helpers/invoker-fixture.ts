/** Owns a deployed function with everything behind the invoker but Docker and the disk of the store. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { FunctionLimits } from '../../src/invocation/function-limits.js';
import type {
  AdmittedCall,
  InvocationRequest,
  InvocationResponse,
  Invoker,
} from '../../src/invocation/invocation.js';
import { systemClock } from '../../src/clock.js';
import { PoolExecutor, type PoolExecutorOptions } from '../../src/pool/executor/pool-executor.js';
import { createWorkloads } from '../../src/pool/executor/workloads.js';
import { createInvoker } from '../../src/invocation/invoker.js';
import { createLogs } from '../../src/invocation/logs.js';
import { Recorder } from '../../src/invocation/recorder.js';
import { createLogger } from '../../src/logger.js';
import type { PoolOptions } from '../../src/pool/pool.js';
import { versionKey } from '../../src/registry/catalogue.js';
import { DEFAULT_SETTINGS } from '../../src/model/settings.js';
import { FunctionRegistry } from '../../src/registry/function-registry.js';
import { digestTree } from '../../src/registry/tree-digest.js';
import type { FunctionSettings, InvocationRecord } from '../../src/model/records.js';
import { MemoryStore } from './memory-store.js';
import { PoolFixture, until } from './pool-fixture.js';
import type { Script } from './scripted-worker.js';
import { temporaryDirectory } from './temporary-directory.js';

/** Runs the code in the body as the handler; `req`, `context` and `require` are at hand. */
export const evaluator =
  "const AsyncFunction = (async () => {}).constructor;\nexports.handler = (req, context) => new AsyncFunction('req', 'context', 'require', req.body)(req, context, require);\n";

export interface InvokerFixtureOptions {
  settings?: Partial<FunctionSettings>;
  /** Content of index.js, run by the real worker; without it a worker of the test's own answers. */
  source?: string;
  script?: Script;
  pool?: Partial<PoolOptions>;
  executor?: Partial<PoolExecutorOptions>;
}

export function invocation(body = '', fields: Partial<InvocationRequest> = {}): InvocationRequest {
  return { method: 'POST', path: '/', query: '', headers: [], body: Buffer.from(body), ...fields };
}

export class InvokerFixture {
  readonly store = new MemoryStore();
  readonly limits = new FunctionLimits();
  readonly pools: PoolFixture;
  readonly registry: FunctionRegistry;
  readonly recorder: Recorder;
  readonly logs: ReturnType<typeof createLogs>;
  readonly invoker: Invoker;
  /** Of every finished call, in order. */
  readonly finished: InvocationRecord[] = [];
  readonly functionsDir: string;
  /** Ids of calls whose record can no longer change. */
  readonly #final = new Set<string>();
  #next = 0;

  private constructor(t: ExecutionContext, options: InvokerFixtureOptions) {
    const dir = temporaryDirectory(t);
    this.functionsDir = join(dir, 'functions');
    mkdirSync(this.functionsDir);
    mkdirSync(join(dir, 'tmp'));
    this.pools = new PoolFixture(t, options.pool, options.script);
    if (options.source !== undefined) this.pools.driver.inhabitant = 'worker';
    const logger = createLogger('silent');
    this.registry = new FunctionRegistry({
      store: this.store,
      functionsDir: this.functionsDir,
      tmpDir: join(dir, 'tmp'),
      limits: { maxZipBytes: 1e6, maxUnpackedBytes: 1e6, maxEntries: 100 },
      assertSpace: () => undefined,
      loadCheck: () => Promise.resolve(() => undefined),
      onActive: () => undefined,
      onRetired: (record) => this.pools.pool.retire(versionKey(record.active)),
      logger,
    });
    this.recorder = new Recorder({
      store: this.store,
      counters: (name) => this.registry.counters(name),
      keepPerFunction: 100,
      logger,
    });
    this.logs = createLogs({
      store: this.store,
      recorder: this.recorder,
      assertDeployed: (name) => void this.registry.get(name),
    });
    const executor = new PoolExecutor({
      pool: this.pools.pool,
      workloadOf: createWorkloads((version, target) => this.registry.copyCode(version, target)),
      clock: systemClock,
      maxResponseBytes: 50_000,
      cancelGraceMs: 300,
      ...options.executor,
    });
    this.invoker = createInvoker({
      functions: this.registry,
      executor,
      limits: this.limits,
      recorder: this.recorder,
      isKnownId: (id) => this.logs.has(id),
      logger,
      onFinished: (record) => this.finished.push(record),
    });
    t.teardown(() => this.recorder.close());
  }

  /** The function is called `f`. */
  static async create(t: ExecutionContext, options: InvokerFixtureOptions = {}): Promise<InvokerFixture> {
    const fixture = new InvokerFixture(t, options);
    const file = join(fixture.functionsDir, 'f/1/index.js');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, options.source ?? '');
    const { digest, sizeBytes } = await digestTree(dirname(file));
    fixture.store.publish({
      version: { name: 'f', version: 1, digest, sizeBytes, createdAt: 1 },
      settings: { ...DEFAULT_SETTINGS, ...options.settings },
      at: 1,
    });
    await fixture.registry.open();
    fixture.recorder.onRecord('f', ({ id }) => fixture.#final.add(id));
    return fixture;
  }

  admit(id?: string): AdmittedCall {
    this.#next += 1;
    return this.invoker.admit('f', id ?? `call-${this.#next}`);
  }

  /** One call from admission to answer. */
  async call(
    body = '',
    fields: Partial<InvocationRequest> = {},
    signal = new AbortController().signal,
  ): Promise<InvocationResponse> {
    return this.admit().run(invocation(body, fields), signal);
  }

  /** The record of a call, once it can no longer change. */
  async record(id: string): Promise<InvocationRecord> {
    await until(() => this.#final.has(id));
    this.recorder.flush();
    return this.store.getInvocation(id)!;
  }
}

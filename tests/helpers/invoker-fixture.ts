/** Owns a deployed function with everything behind the invoker but Docker and the disk of the store. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { FunctionLimits } from '../../src/invocation/function-limits.js';
import type { AdmittedCall, Invoker } from '../../src/invocation/invocation.js';
import { systemClock } from '../../src/clock.js';
import { PoolExecutor, type PoolExecutorOptions } from '../../src/pool/executor/pool-executor.js';
import { NamespaceLimits } from '../../src/invocation/namespace-limits.js';
import { codeKeyOf, createWorkloads } from '../../src/pool/executor/workloads.js';
import { KeyFile } from '../../src/data/key-file.js';
import { Secrets } from '../../src/secrets/secrets.js';
import { MemorySecretStore } from './memory-secret-store.js';
import { createInvoker } from '../../src/invocation/invoker.js';
import { createLogs } from '../../src/invocation/logs.js';
import { Recorder } from '../../src/invocation/recorder.js';
import { createLogger } from '../../src/logger.js';
import type { PoolOptions } from '../../src/pool/pool.js';
import { DEFAULT_NAMESPACE, type FunctionRef } from '../../src/model/function/ref.js';
import { createFunctionId } from '../../src/model/function/id.js';
import { DEFAULT_SETTINGS, type FunctionSettings } from '../../src/model/function/settings.js';
import { NODE_BUNDLE } from '../../src/model/function/source.js';
import { FunctionRegistry } from '../../src/registry/function-registry.js';
import { digestTree } from '../../src/registry/tree-digest.js';
import type { CallRecord, CallRequest, CallResponse } from '../../src/model/call/call.js';
import { MemoryCallStore } from './memory-call-store.js';
import { MemoryFunctionStore } from './memory-function-store.js';
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

export function invocation(body = '', fields: Partial<CallRequest> = {}): CallRequest {
  const sent = { method: 'POST', path: '/', basePath: '', query: '', headers: [], body: Buffer.from(body) };
  const client = { clientAddress: '127.0.0.1', clientMethod: 'POST', clientTarget: '/invoke/f' };
  return { ...sent, host: 'localhost', protocol: 'http', ...client, ...fields };
}

export class InvokerFixture {
  readonly functions = new MemoryFunctionStore();
  readonly store = new MemoryCallStore();
  readonly id = createFunctionId();
  readonly ref: FunctionRef = { namespace: DEFAULT_NAMESPACE, name: 'f' };
  readonly limits = new FunctionLimits();
  readonly pools: PoolFixture;
  readonly registry: FunctionRegistry;
  readonly recorder: Recorder;
  readonly logs: ReturnType<typeof createLogs>;
  readonly invoker: Invoker;
  readonly secrets: Secrets;
  /** Tells the pool of the function, as a start of the server does: only then the pool learns from the function's calls. */
  readonly activate: () => void;
  /** Of every finished call, in order. */
  readonly finished: CallRecord[] = [];
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
      store: this.functions,
      calls: this.store,
      functionsDir: this.functionsDir,
      tmpDir: join(dir, 'tmp'),
      onActive: () => undefined,
      onRetired: (record) =>
        this.pools.pool.retire(codeKeyOf(record.active, this.secrets.revisionOf(record.id))),
      clock: systemClock,
      logger,
    });
    this.secrets = new Secrets({
      store: new MemorySecretStore((id) => this.registry.byId(id) !== undefined),
      keyFile: new KeyFile(dir),
      functions: this.registry,
      onChanged: (id) => {
        const record = this.registry.byId(id)!;
        this.pools.pool.activate(workloadOf(record), 0, true);
        void this.pools.pool.retire(codeKeyOf(record.active, this.secrets.revisionOf(id) - 1));
      },
      logger,
    });
    this.recorder = new Recorder({
      store: this.store,
      counters: (id) => this.registry.counters(id),
      keepPerFunction: 100,
      logger,
    });
    this.logs = createLogs({
      store: this.store,
      recorder: this.recorder,
      idOf: (ref) => this.registry.record(ref).id,
      namespaceOf: (id) => this.registry.byId(id)?.ref.namespace,
    });
    const workloadOf = createWorkloads(
      {
        copy: (version, target) => this.registry.copyCode(version, target),
        verify: (version) => this.registry.verifyCode(version),
      },
      this.secrets,
    );
    this.activate = () => this.pools.pool.activate(workloadOf(this.registry.record(this.ref)));
    const executor = new PoolExecutor({
      pool: this.pools.pool,
      workloadOf,
      clock: systemClock,
      maxResponseBytes: 50_000,
      cancelGraceMs: 300,
      ...options.executor,
    });
    this.invoker = createInvoker({
      functions: this.registry,
      executor,
      limits: this.limits,
      namespaces: new NamespaceLimits(() => ({ concurrentCalls: null, callsPerMinute: null })),
      recorder: this.recorder,
      redactorOf: (id) => this.secrets.redactorOf(id),
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
    await fixture.functions.publish({
      ref: fixture.ref,
      version: { functionId: fixture.id, version: 1, digest, sizeBytes, createdAt: 1, source: NODE_BUNDLE },
      settings: { ...DEFAULT_SETTINGS, ...options.settings },
      at: 1,
    });
    await fixture.registry.open();
    fixture.recorder.onRecord(fixture.id, ({ id }) => fixture.#final.add(id));
    return fixture;
  }

  /** A call with an id of the server's own. */
  admit(): AdmittedCall {
    this.#next += 1;
    return this.invoker.admit(this.ref, `call-${this.#next}`, true) as AdmittedCall;
  }

  /** A call with an id that its client chose. */
  async admitAs(id: string): Promise<AdmittedCall> {
    return this.invoker.admit(this.ref, id);
  }

  /** One call from admission to answer. */
  async call(
    body = '',
    fields: Partial<CallRequest> = {},
    signal = new AbortController().signal,
  ): Promise<CallResponse> {
    return this.admit().run(invocation(body, fields), signal);
  }

  /** The record of a call, once it can no longer change. */
  async record(id: string): Promise<CallRecord> {
    await until(() => this.#final.has(id));
    await this.recorder.flush();
    return (await this.store.get(id))!;
  }
}

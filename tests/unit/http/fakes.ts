/** Owns fakes of the parts behind `http/`, and the values they give. */
import { Readable } from 'node:stream';
import { GlambdarError } from '../../../src/errors.js';
import type { AdmittedCall, Invoker } from '../../../src/invocation/invocation.js';
import type { CallRequest, CallResponse } from '../../../src/model/call/call.js';
import type { InvocationView, Logs } from '../../../src/invocation/logs.js';
import { DEFAULT_SETTINGS, type FunctionSettings } from '../../../src/model/function/settings.js';
import type { DeployImageRequest, DeployRequest, Deployments } from '../../../src/deploy/deployments.js';
import type { FunctionRecord } from '../../../src/model/function/function.js';
import { createFunctionId, type FunctionId } from '../../../src/model/function/id.js';
import type { FunctionRef } from '../../../src/model/function/ref.js';
import type { Logger } from '../../../src/logger.js';
import type { SecretKeeper, SecretView } from '../../../src/secrets/secrets.js';
import type { FunctionMetadata, Registry, VersionView } from '../../../src/registry/registry.js';

const silent = (): undefined => undefined;

/** A logger that says nothing. */
export const silentLogger: Logger = {
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  fatal: silent,
  flush: silent,
};

export const notFound = (): GlambdarError => new GlambdarError('FUNCTION_NOT_FOUND', 'Function not found!');

/** What a function answered, with defaults. */
export function answer(fields: Partial<CallResponse> = {}): CallResponse {
  return {
    statusCode: 200,
    headers: [['content-type', 'application/json; charset=utf-8']],
    body: Buffer.from('"hi"'),
    version: 1,
    start: 'loaded',
    times: { queueMs: 0.1, startMs: 0, loadMs: 0, runMs: 1.23456 },
    ...fields,
  };
}

export function record(id: string, fields: Partial<InvocationView> = {}): InvocationView {
  return {
    id,
    funcName: 'hello',
    version: 1,
    invokedAt: '2026-01-01T00:00:00.000Z',
    method: 'GET',
    path: '/invoke/hello',
    status: 200,
    outcome: 'ok',
    start: 'warm',
    durationMs: 1,
    queueMs: 0,
    startMs: 0,
    loadMs: 0,
    runMs: 1,
    peakMemoryMb: null,
    stdout: '',
    stderr: '',
    error: null,
    ...fields,
  };
}

type Handler = (request: CallRequest, signal: AbortSignal) => CallResponse | Promise<CallResponse>;

/** Knows `hello`, unless told otherwise; counts, and notices a call that was neither run nor abandoned, or both. */
export class FakeInvoker implements Invoker {
  handler: Handler = () => answer();
  admitted: { name: string; id: string; isOurId: boolean }[] = [];
  ran: CallRequest[] = [];
  abandoned = 0;
  refuse: GlambdarError | undefined;
  readonly known = new Set(['hello']);
  #open = 0;
  #settled: (() => void)[] = [];

  admit({ name: funcName }: FunctionRef, id: string, isOurId = false): AdmittedCall {
    if (!this.known.has(funcName)) throw notFound();
    if (this.refuse !== undefined) throw this.refuse;
    this.admitted.push({ name: funcName, id, isOurId });
    this.#open += 1;
    let used = false;
    const use = (): void => {
      if (used) throw new Error('run or abandon was called twice');
      used = true;
    };
    return {
      id: `inv-${id}`,
      run: async (request, signal, answered) => {
        use();
        this.ran.push(request);
        try {
          const response = await this.handler(request, signal);
          answered?.(response);
          return response;
        } finally {
          this.#leave();
        }
      },
      abandon: () => {
        use();
        this.abandoned += 1;
        this.#leave();
      },
    };
  }

  /**
   * Holds calls, all or those with this body, until `finish` or until they are cancelled; with a body every call is answered
   * with its own. `entered` is the signal of the first one held.
   */
  hold(body?: string): { entered: Promise<AbortSignal>; finish: () => void } {
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const entered = new Promise<AbortSignal>((resolve) => {
      this.handler = async (request, signal) => {
        if (body === undefined || request.body.toString() === body) {
          resolve(signal);
          const left = new Promise((gone) => signal.addEventListener('abort', gone));
          if (!signal.aborted) await Promise.race([finished, left]);
          if (signal.reason instanceof GlambdarError) throw signal.reason;
          if (signal.aborted) throw new GlambdarError('CANCELLED', 'cancelled');
        }
        return body === undefined ? answer() : answer({ body: request.body });
      };
    });
    return { entered, finish };
  }

  /** Resolves when every admitted call was run to its end or abandoned. */
  async settled(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#settled.push(resolve));
  }

  #leave(): void {
    this.#open -= 1;
    if (this.#open === 0) for (const resolve of this.#settled.splice(0)) resolve();
  }
}

export const metadata: FunctionMetadata = {
  name: 'hello',
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  lastInvokedAt: null,
  invokeCount: 0,
  errorCount: 0,
  version: 3,
  digest: 'sha256:00',
  sizeBytes: 10,
  settings: { ...DEFAULT_SETTINGS },
};

export class FakeRegistry implements Registry, Deployments {
  deploys: DeployRequest[] = [];
  patches: unknown[] = [];
  onDeploy: (request: DeployRequest) => void | Promise<void> = () => undefined;
  onImage: () => void | Promise<void> = () => undefined;

  async deploy(request: DeployRequest): ReturnType<Deployments['deploy']> {
    this.deploys.push(request);
    await this.onDeploy(request);
    return { function: request.ref.name, version: 1, digest: 'sha256:ab' };
  }
  /** What was deployed as an image, in order. */
  readonly images: FunctionRecord[] = [];

  async deployImage(request: DeployImageRequest): Promise<FunctionRecord> {
    await this.onImage();
    const { ref, image, owner, id = createFunctionId() } = request;
    const source = { type: 'image' as const, image, digest: 'sha256:00', ports: [], ...(owner && { owner }) };
    const active = { functionId: id, version: 1, digest: 'sha256:00', sizeBytes: 1, createdAt: 1, source };
    const settings = {
      ...DEFAULT_SETTINGS,
      contract: 'go-serverless' as const,
      ...(request.settings as object),
    };
    const deployed = { id, ref, createdAt: 1, updatedAt: 1, active, settings };
    this.images.push(deployed);
    return deployed;
  }
  records(): FunctionRecord[] {
    return this.images;
  }
  find({ namespace, name }: FunctionRef): FunctionRecord | undefined {
    return this.images.find(({ ref }) => ref.namespace === namespace && ref.name === name);
  }
  byId(id: FunctionId): FunctionRecord | undefined {
    return this.images.find((image) => image.id === id);
  }
  list(_namespace?: string): FunctionMetadata[] {
    return [metadata];
  }
  get({ name }: FunctionRef): FunctionMetadata {
    if (name !== 'hello') throw notFound();
    return metadata;
  }
  async remove(ref: FunctionRef): Promise<void> {
    this.get(ref);
  }
  async removeNamespace(namespace: string, removed?: (name: string) => void): Promise<string[]> {
    const names = this.list(namespace).map(({ name }) => name);
    for (const name of names) removed?.(name);
    return names;
  }
  /** Versions that were gone back to. */
  readonly rollbacks: number[] = [];
  async versions(ref: FunctionRef): Promise<VersionView[]> {
    this.get(ref);
    const source = { type: 'bundle' as const, runtime: 'node' };
    const deployedAt = metadata.createdAt;
    return [{ version: 3, digest: metadata.digest, deployedAt, sizeBytes: 10, active: true, source }];
  }
  async rollback(ref: FunctionRef, version: number): ReturnType<Deployments['rollback']> {
    this.get(ref);
    this.rollbacks.push(version);
    return { function: ref.name, version, digest: metadata.digest };
  }
  /** The archives that were given out. */
  readonly archives: Readable[] = [];
  async code(ref: FunctionRef, version = 3): ReturnType<Deployments['code']> {
    this.get(ref);
    const stream = Readable.from([Buffer.from('PK'), Buffer.from('…')]);
    this.archives.push(stream);
    return { version, stream };
  }
  async configure(ref: FunctionRef, patch: unknown): ReturnType<Deployments['configure']> {
    this.get(ref);
    this.patches.push(patch);
    return { changed: patch as Partial<FunctionSettings>, version: 4 };
  }
}

export class FakeLogs implements Logs {
  records: InvocationView[] = [record('r2'), record('r1')];
  queries: unknown[] = [];
  listeners = new Set<(record: InvocationView) => void>();
  #changed: (() => void)[] = [];

  async list(ref: FunctionRef, query: { limit: number; before?: string }): Promise<InvocationView[]> {
    if (ref.name !== 'hello') throw notFound();
    this.queries.push(query);
    return this.records.slice(0, query.limit);
  }
  async get(id: string): Promise<InvocationView> {
    const found = this.records.find((candidate) => candidate.id === id);
    if (found === undefined) throw new GlambdarError('INVOCATION_NOT_FOUND', 'No such invocation.');
    return found;
  }
  follow(ref: FunctionRef, listener: (record: InvocationView) => void): () => void {
    if (ref.name !== 'hello') throw notFound();
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      for (const wake of this.#changed.splice(0)) wake();
    };
  }
  emit(view: InvocationView): void {
    for (const listener of this.listeners) listener(view);
  }
  /** Resolves when nobody follows any more. */
  async unfollowed(): Promise<void> {
    while (this.listeners.size > 0) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }
}

/** Knows `hello`, and keeps what it is given. */
export class FakeSecrets implements SecretKeeper {
  readonly values = new Map<string, string>();

  list(ref: FunctionRef): SecretView[] {
    if (ref.name !== 'hello') throw notFound();
    const [createdAt, updatedAt] = [metadata.createdAt, metadata.updatedAt];
    return [...this.values.keys()].map((name) => ({ name, createdAt, updatedAt }));
  }
  async put(ref: FunctionRef, name: string, value: string): Promise<void> {
    this.list(ref);
    this.values.set(name, value);
  }
  async remove(ref: FunctionRef, name: string): Promise<void> {
    this.list(ref);
    if (!this.values.delete(name)) throw new GlambdarError('SECRET_NOT_FOUND', 'No such secret.');
  }
}

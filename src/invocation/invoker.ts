/**
 * Owns running one call from admission to its record: limits, an instance from the pool, the deadline, cancellation,
 * and the answer checked. See `pool.ts` for what each failure does to the instance.
 */
import { randomUUID } from 'node:crypto';
import { type GlambdarError, toGlambdarError } from '../errors.js';
import { faultPoint } from '../faults.js';
import type { Logger } from '../logger.js';
import { InstanceFailure } from '../instance/instance-failure.js';
import { KEPT, type Lease, type CallResult } from '../pool/act/lease.js';
import type { Pool } from '../pool/pool.js';
import type { Workload } from '../pool/act/workload.js';
import type { FunctionRegistry } from '../registry/function-registry.js';
import type { VersionLease } from '../registry/version-leases.js';
import type { CallRecord } from '../model/call.js';
import type { FunctionRecord } from '../model/function.js';
import { exchange } from './exchange.js';
import type { FunctionLimits } from './function-limits.js';
import type { Admission, InvocationRequest, InvocationResponse, Invoker } from './invocation.js';
import { LogText } from './log-text.js';
import { aborted, failureOf, failureOfError, type Failure } from './outcome.js';
import { emptyRecord, type Recorder } from './recorder.js';
import { checkResponse } from './response-rules.js';

export interface InvokerOptions {
  registry: FunctionRegistry;
  pool: Pool;
  limits: FunctionLimits;
  recorder: Recorder;
  /** What the pool must know of a deployed function. */
  workloadOf: (record: FunctionRecord) => Workload;
  /** True when a call with this id is on record. */
  isKnownId: (id: string) => Promise<boolean>;
  maxResponseBytes: number;
  /** After its caller has gone a call may still run this long before it is killed. */
  cancelGraceMs: number;
  logger: Logger;
  onFinished?: (record: CallRecord) => void;
}

export function createInvoker(options: InvokerOptions): Invoker {
  /** Ids of calls under way: their records are still to come. */
  const running = new Set<string>();
  return {
    admit(ref, id, isOurId = false) {
      const version = options.registry.lease(ref);
      const { record } = version;
      try {
        options.pool.assertAdmits(record.id);
        options.limits.enter(record);
      } catch (error) {
        version.release();
        throw error;
      }
      const admitted = (callId: string): Admission => {
        running.add(callId);
        return new Call(options, callId, version, running);
      };
      if (isOurId) return admitted(id);
      if (running.has(id)) return admitted(randomUUID());
      // Taken at once: another call with this id may come while the store is asked.
      running.add(id);
      return isNew(options, id).then((fresh) => {
        if (!fresh) running.delete(id);
        return admitted(fresh ? id : randomUUID());
      });
    },
  };
}

/** A store that cannot be read is no reason to refuse a call: it gets an id that is certainly new. */
async function isNew({ isKnownId, logger }: InvokerOptions, id: string): Promise<boolean> {
  try {
    return !(await isKnownId(id));
  } catch (err) {
    logger.error({ err }, 'the store could not be asked whether an id is known');
    return false;
  }
}

class Call implements Admission {
  readonly id: string;
  readonly funcName: string;
  #options: InvokerOptions;
  #version: VersionLease;
  #running: Set<string>;
  #text = new LogText();
  #record: CallRecord;
  #arrivedAt = performance.now();

  constructor(options: InvokerOptions, id: string, version: VersionLease, running: Set<string>) {
    this.id = id;
    this.funcName = version.record.ref.name;
    this.#options = options;
    this.#version = version;
    this.#running = running;
    this.#record = emptyRecord(id, version.record);
  }

  abandon(): void {
    this.#leave();
  }

  async run(
    request: InvocationRequest,
    signal: AbortSignal,
    answered?: (response: InvocationResponse) => void,
  ): Promise<InvocationResponse> {
    const { record } = this.#version;
    const { settings, active } = record;
    let lease: Lease | null = null;
    try {
      const workload = this.#options.workloadOf(record);
      lease = await this.#options.pool.acquire({ workload, signal });
      const { times, start } = lease;
      this.#record.start = start;
      this.#record.queueMs = times.queueMs;
      this.#record.startMs = times.startMs;
      this.#record.loadMs = times.loadMs;
      for (const log of lease.loadLogs) this.#text.sink(...log);
      const result = await this.#call(lease, request, signal);
      this.#text.addCut(result.message.cut);
      this.#record.peakMemoryMb = Math.round(result.message.peakMemoryKb / 102.4) / 10;
      // It answered within the grace, but nobody was there any more.
      if (signal.aborted) return this.#fail(aborted(signal), this.#release(lease, false));
      if (result.message.type === 'error') {
        const keep =
          workload.reuse && result.message.kind !== 'uncaught' && result.message.kind !== 'unsettled';
        return this.#fail(failureOf(result.message), this.#release(lease, keep));
      }
      const { headers } = result.message;
      const { statusCode } = result.message as { statusCode: number };
      const checked = attempt(() => checkResponse(statusCode, headers));
      if ('error' in checked)
        return this.#fail(
          { error: checked.error, outcome: 'function_error' },
          this.#release(lease, workload.reuse),
        );
      const { queueMs, startMs, loadMs, runMs } = this.#record;
      const response = {
        statusCode: checked.value.statusCode,
        headers: checked.value.headers,
        body: (result as { body: Buffer }).body,
        version: active.version,
        start,
        times: { queueMs, startMs, loadMs, runMs },
      };
      // First of all: the caller reads it while the rest is done.
      answered?.(response);
      faultPoint('invoke.answered');
      this.#finish(response.statusCode, this.#release(lease, workload.reuse));
      return response;
    } catch (error) {
      if (this.#record.status !== 0) throw error; // told already
      if (signal.aborted) return this.#fail(aborted(signal), lease ? this.#release(lease, false) : undefined);
      if (!lease || !(error instanceof InstanceFailure)) {
        const failure = failureOfError(error, settings.memoryMb, '');
        if (failure.error.code === 'INTERNAL')
          this.#options.logger.error({ err: failure.error.cause, id: this.id }, 'a call failed');
        return this.#fail(failure, lease ? this.#release(lease, false) : undefined);
      }
      // V8 tells of a full heap only on the container's own stderr, and the verdict depends on it.
      const output = await lease.output();
      this.#text.addOutput(output);
      void lease.release(false);
      return this.#fail(failureOfError(error, settings.memoryMb, output.stderr));
    }
  }

  async #call(lease: Lease, request: InvocationRequest, signal: AbortSignal): Promise<CallResult> {
    const { maxResponseBytes, cancelGraceMs } = this.#options;
    const { timeoutMs } = this.#version.record.settings;
    const { body, method, path, query, headers } = request;
    const { id } = this;
    const { version } = this.#record;
    // Written out: spreading costs more than all else here.
    const message = {
      type: 'invoke' as const,
      id,
      method,
      path,
      query,
      headers,
      version,
      timeoutMs,
      maxResponseBytes,
    };
    const { sink } = this.#text;
    const begun = performance.now();
    try {
      return await exchange({ lease, message, body, sink, signal, cancelGraceMs });
    } finally {
      this.#record.runMs = performance.now() - begun;
    }
  }

  /**
   * Gives the instance back; resolves when all that its container wrote is part of the record, with whether that changed
   * it; undefined when nothing is to come. An instance of a version that was replaced or deleted meanwhile is of use only to
   * calls that wait for it since then.
   */
  #release(lease: Lease, keep: boolean): Promise<boolean> | undefined {
    const active = this.#options.registry.isActive(this.#version.record.active);
    const released = lease.release(keep && (active || 'for-who-waits'), true);
    if (released === KEPT) return undefined;
    return released.then((output) => {
      const changed = this.#text.addOutput(output);
      if (changed) this.#write();
      return changed;
    });
  }

  #fail({ error, outcome, stack }: Failure, released?: Promise<boolean>): never {
    this.#record.outcome = outcome;
    this.#record.error = { code: error.code, message: error.message, ...(stack ? { stack } : {}) };
    this.#finish(error.status, released);
    throw error;
  }

  #finish(status: number, released?: Promise<boolean>): void {
    const record = this.#record;
    record.status = status;
    record.durationMs = performance.now() - this.#arrivedAt;
    this.#write();
    this.#options.recorder.add(record, released);
    this.#options.onFinished?.(record);
    this.#leave();
  }

  #write(): void {
    this.#record.stdout = this.#text.text('stdout');
    this.#record.stderr = this.#text.text('stderr');
  }

  #leave(): void {
    this.#running.delete(this.id);
    this.#version.release();
    this.#options.limits.leave(this.#version.record.id);
  }
}

function attempt<T>(work: () => T): { value: T } | { error: GlambdarError } {
  try {
    return { value: work() };
  } catch (error) {
    return { error: toGlambdarError(error) };
  }
}

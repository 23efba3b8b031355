/**
 * Owns running one call from its admission to its record: limits, the executor, checking the answer. The executor decides
 * what a failure does to the container.
 */
import { randomUUID } from 'node:crypto';
import { toGlambdarError } from '../errors.js';
import { faultPoint } from '../faults.js';
import type { Logger } from '../logger.js';
import type { CallRecord, CallRequest, CallResponse } from '../model/call/call.js';
import type { ContainerOutput } from '../model/call/container-end.js';
import { ExecutionFailure, type Execution, type Executor } from '../model/call/execution.js';
import { aborted, failureOfReason, failureOfResult, type Failure } from '../model/call/outcome.js';
import { recordedPath } from '../model/call/recorded-path.js';
import { redactedError, redactedText, type Redaction } from '../model/call/redaction.js';
import type { FunctionRecord } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';
import type { FunctionRef } from '../model/function/ref.js';
import type { FunctionLimits } from './function-limits.js';
import type { NamespaceLimits } from './namespace-limits.js';
import type { AdmittedCall, Invoker } from './invocation.js';
import { LogText } from './log-text.js';
import { emptyRecord, type Recorder } from './recorder.js';
import { checkResponse, isBodiless } from './response-rules.js';

const NO_BODY = Buffer.alloc(0);

/** The right to use one version's files until released. */
export interface VersionLease {
  readonly record: FunctionRecord;
  /** Gives the lease back once; later calls do nothing. */
  release(): void;
}

/** The functions, as far as the invoker needs them. */
export interface Functions {
  /** Leases the active version of a function. Throws FUNCTION_NOT_FOUND. */
  lease(ref: FunctionRef): VersionLease;
}

export interface InvokerOptions {
  functions: Functions;
  executor: Executor;
  limits: FunctionLimits;
  namespaces: NamespaceLimits;
  recorder: Recorder;
  /** Takes the values of a function's secrets out of what it printed or failed with. */
  redactorOf: (id: FunctionId) => Redaction;
  /** True when a call with this id is on record. */
  isKnownId: (id: string) => Promise<boolean>;
  logger: Logger;
  onFinished?: (record: CallRecord) => void;
}

export function createInvoker(options: InvokerOptions): Invoker {
  /** Ids of calls under way, which have no record yet. */
  const running = new Set<string>();
  return {
    admit(ref, id, isOurId = false) {
      const version = options.functions.lease(ref);
      const { record } = version;
      const now = performance.now();
      try {
        options.executor.assertAdmits(record);
        options.namespaces.enter(record.ref.namespace, now);
        try {
          options.limits.enter(record, now);
        } catch (error) {
          options.namespaces.withdraw(record.ref.namespace);
          throw error;
        }
      } catch (error) {
        version.release();
        throw error;
      }
      const admitted = (callId: string): AdmittedCall => {
        running.add(callId);
        return new Call(options, callId, version, running, now);
      };
      if (isOurId) return admitted(id);
      if (running.has(id)) return admitted(randomUUID());
      // The id is reserved at once: another call with the same id may come while the store is asked.
      running.add(id);
      return isNew(options, id).then((fresh) => {
        if (!fresh) running.delete(id);
        return admitted(fresh ? id : randomUUID());
      });
    },
  };
}

/** Whether no call on record has the id. False when the store cannot be read: the call then gets a new id, and is not refused. */
async function isNew({ isKnownId, logger }: InvokerOptions, id: string): Promise<boolean> {
  try {
    return !(await isKnownId(id));
  } catch (err) {
    logger.error({ err }, 'the store could not be asked whether an id is known');
    return false;
  }
}

class Call implements AdmittedCall {
  readonly id: string;
  readonly #options: InvokerOptions;
  readonly #version: VersionLease;
  readonly #running: Set<string>;
  readonly #text = new LogText();
  readonly #record: CallRecord;
  /** When the call was admitted, monotonic milliseconds. */
  readonly #arrivedAt: number;
  readonly #redaction: Redaction;
  /** The target of the client's request. */
  #target = '';

  constructor(
    options: InvokerOptions,
    id: string,
    version: VersionLease,
    running: Set<string>,
    arrivedAt: number,
  ) {
    this.id = id;
    this.#arrivedAt = arrivedAt;
    this.#options = options;
    this.#version = version;
    this.#running = running;
    this.#record = emptyRecord(id, version.record);
    this.#redaction = options.redactorOf(version.record.id);
  }

  abandon(): void {
    this.#leave();
  }

  async run(
    request: CallRequest,
    signal: AbortSignal,
    answered?: (response: CallResponse) => void,
  ): Promise<CallResponse> {
    const { record } = this.#version;
    this.#record.method = request.clientMethod;
    this.#target = request.clientTarget;
    let execution: Execution;
    try {
      execution = await this.#options.executor.execute({
        invocationId: this.id,
        record,
        request,
        signal,
        sink: this.#text.sink,
        trace: this.#record,
      });
    } catch (error) {
      const { reason, output } = asFailure(error);
      if (reason.type === 'unknown')
        this.#options.logger.error({ err: reason.cause, id: this.id }, 'a call failed');
      return this.#fail(failureOfReason(reason, record.settings), output);
    }
    const { result, cut, peakMemoryKb } = execution;
    this.#text.addCut(cut);
    this.#record.peakMemoryMb = peakMemoryKb === null ? null : Math.round(peakMemoryKb / 102.4) / 10;
    // The function answered within the grace, but its caller had gone.
    if (signal.aborted)
      return this.#fail(failureOfReason(aborted(signal), record.settings), execution.release());
    if (result.type === 'error') return this.#fail(failureOfResult(result), execution.release());
    let checked: ReturnType<typeof checkResponse>;
    try {
      checked = checkResponse(result.statusCode, result.headers);
    } catch (error) {
      return this.#fail({ error: toGlambdarError(error), outcome: 'function_error' }, execution.release());
    }
    const { start, queueMs, startMs, loadMs, runMs } = this.#record;
    const response: CallResponse = {
      statusCode: checked.statusCode,
      headers: checked.headers,
      body: isBodiless(checked.statusCode) ? NO_BODY : result.body,
      version: record.active.version,
      start: start!,
      times: { queueMs, startMs, loadMs, runMs },
    };
    // The answer goes out first: the caller reads it while the record is made.
    answered?.(response);
    faultPoint('invoke.answered');
    this.#finish(response.statusCode, execution.release());
    return response;
  }

  /** @param output what the container wrote past the console, once it is known; null when there is none */
  #fail({ error, outcome, stack }: Failure, output: Promise<ContainerOutput> | null): never {
    const redaction = this.#redactionNow();
    const told = redactedError(error, redaction);
    this.#record.outcome = outcome;
    this.#record.error = {
      code: told.code,
      message: told.message,
      ...(stack ? { stack: redactedText(stack, redaction) } : {}),
    };
    this.#finish(told.status, output);
    throw told;
  }

  /** The function may have got its first secret since the call came, or may have been deleted since. */
  #redactionNow(): Redaction {
    const now = this.#options.redactorOf(this.#version.record.id);
    return now.isEmpty ? this.#redaction : now;
  }

  #finish(status: number, output: Promise<ContainerOutput> | null): void {
    const record = this.#record;
    record.status = status;
    record.durationMs = performance.now() - this.#arrivedAt;
    const redaction = this.#redactionNow();
    record.path = recordedPath(this.#target, redaction);
    this.#write(redaction);
    this.#options.recorder.add(
      record,
      output?.then((text) => this.#amend(text)),
    );
    this.#options.onFinished?.(record);
    this.#leave();
  }

  /** Adds output to the record. Returns whether the record has changed. */
  #amend(output: ContainerOutput): boolean {
    const redaction = this.#redactionNow();
    const changed = this.#text.addOutput(output, redaction);
    if (changed) this.#write(redaction);
    return changed;
  }

  #write(redaction: Redaction): void {
    this.#record.stdout = this.#text.text('stdout', redaction);
    this.#record.stderr = this.#text.text('stderr', redaction);
  }

  #leave(): void {
    this.#running.delete(this.id);
    this.#version.release();
    const { id, ref } = this.#version.record;
    this.#options.limits.leave(id);
    this.#options.namespaces.leave(ref.namespace);
  }
}

function asFailure(error: unknown): ExecutionFailure {
  return error instanceof ExecutionFailure ? error : new ExecutionFailure({ type: 'unknown', cause: error });
}

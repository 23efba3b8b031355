/** Owns running a call in the pool: gets an instance with the function's code, lets the worker run it, gives the instance back. */
import type { Clock } from '../../clock.js';
import { GlambdarError } from '../../errors.js';
import { DriverError, ImageError } from '../../driver/driver.js';
import { InstanceFailure, LoadTimeout, ServerTimeout } from '../../instance/instance-failure.js';
import { messageId } from '../../instance/wire/message-id.js';
import {
  BROKEN_OFF,
  latestBegin,
  LoadFailure,
  NotBegun,
  type WorkerAnswer,
} from '../../instance/wire/worker-connection.js';
import type { ContainerOutput } from '../../model/call/container-end.js';
import {
  ExecutionFailure,
  type CallResult,
  type CallTrace,
  type Execution,
  type Executor,
  type ExecutorCall,
  type FailureReason,
} from '../../model/call/execution.js';
import { cannotStart, driverUnavailable, imageGone } from '../../model/call/refusal.js';
import type { FunctionRecord } from '../../model/function/function.js';
import { KEPT, type Lease } from '../act/lease.js';
import type { Pool } from '../pool.js';
import type { Workload } from '../workload.js';
import { CallTimeout, Exchange } from './exchange.js';

const NOTHING_CUT = { stdout: 0, stderr: 0 };
/** The largest body of a call that may wait in a worker, which keeps a few of them in the function's own memory. */
const AHEAD_BODY_BYTES = 16 * 1024;

export interface PoolExecutorOptions {
  pool: Pool;
  /** The workload of a deployed function. */
  workloadOf: (record: FunctionRecord) => Workload;
  clock: Clock;
  maxResponseBytes: number;
  /** How long a call may still run after its caller has gone, in milliseconds. */
  cancelGraceMs: number;
}

export class PoolExecutor implements Executor {
  readonly #options: PoolExecutorOptions;

  constructor(options: PoolExecutorOptions) {
    this.#options = options;
  }

  assertAdmits(record: FunctionRecord): void {
    this.#options.pool.assertAdmits(this.#options.workloadOf(record).flow);
  }

  execute(call: ExecutorCall): Promise<Execution> {
    return this.#execute(call, this.#options.clock.now());
  }

  /** @param arrivedAt when the call came, monotonic milliseconds  @param waitsAgain it was admitted before, and has not begun */
  #execute(call: ExecutorCall, arrivedAt: number, waitsAgain = false): Promise<Execution> {
    const { pool, workloadOf } = this.#options;
    const { signal, sink, record, request } = call;
    // Not async: most calls get their instance at once, and every promise costs each of them.
    try {
      const workload = workloadOf(record);
      const mayGoAhead = request.body.length <= AHEAD_BODY_BYTES;
      const waitingSince = waitsAgain ? arrivedAt : undefined;
      const acquired = pool.acquire({ workload, signal, mayGoAhead, waitingSince, failedLoadOutput: sink });
      if (!(acquired instanceof Promise)) return this.#run(call, acquired, workload, arrivedAt);
      return acquired.then(
        (lease) => this.#run(call, lease, workload, arrivedAt),
        (error: unknown) => {
          throw this.#notRun(call, error, arrivedAt);
        },
      );
    } catch (error) {
      return Promise.reject(this.#notRun(call, error, arrivedAt));
    }
  }

  /** Why a call has got no instance. */
  #notRun({ trace, record, signal }: ExecutorCall, error: unknown, arrivedAt: number): ExecutionFailure {
    // How much of the wait was for a place is not known: the request has no instance whose history would tell.
    const waitedMs = this.#options.clock.now() - arrivedAt;
    if (error instanceof LoadTimeout) trace.loadMs = Math.min(waitedMs, error.timeoutMs);
    trace.queueMs = waitedMs - trace.loadMs;
    const cause = error instanceof ImageError ? imageGone(record.ref.name, error) : error;
    return new ExecutionFailure(this.#reasonOf(cause, signal));
  }

  async #run(
    call: ExecutorCall,
    lease: Lease,
    { reuse, code }: Workload,
    arrivedAt: number,
  ): Promise<Execution> {
    const { clock, cancelGraceMs } = this.#options;
    const { signal, trace, sink, request } = call;
    const { times, start } = lease;
    trace.start = start;
    trace.queueMs = times.queueMs;
    trace.startMs = times.startMs;
    trace.loadMs = times.loadMs;
    for (const log of lease.loadLogs) sink(...log);
    const exchange = new Exchange({
      instance: lease.instance,
      message: this.#message(call, reuse, lease.aheadSince !== null),
      body: request.body,
      sink,
      clock,
      signal,
      cancelGraceMs,
      isAhead: lease.aheadSince !== null,
    });
    let answer: WorkerAnswer;
    try {
      answer = await exchange.run();
      if (isBrokenOff(answer)) await assertServerRuns(lease);
    } catch (error) {
      if (error instanceof NotBegun || exchange.begunAt === null) {
        lease.giveBack();
        Object.assign(trace, { start: null, startMs: 0, loadMs: 0 });
        // The call waits again, or is told that it cannot.
        if (error instanceof NotBegun) return this.#execute(call, arrivedAt, true);
        throw this.#notRun(call, await lease.explain(error), arrivedAt);
      }
      this.#note(trace, lease, exchange);
      throw await this.#failed(error, lease, signal);
    }
    this.#note(trace, lease, exchange);
    const { message } = answer;
    const { cut = NOTHING_CUT, peakMemoryKb } = message;
    // The container of a call whose caller has gone is stopped, unless it has gone on to the next call.
    let keep = reuse && (!signal.aborted || lease.instance.ahead > 0);
    let result: CallResult;
    if (message.type === 'response') {
      const { body } = answer as { body: Buffer };
      result = { type: 'response', statusCode: message.statusCode, headers: message.headers, body };
    } else {
      const { kind, error } = message;
      keep &&= kind !== 'uncaught' && kind !== 'unsettled';
      result = { type: 'error', kind, error };
    }
    // The worker beside an image tells its own peak, which says nothing of the image.
    const peak = code.server === null ? peakMemoryKb : null;
    return { result, cut, peakMemoryKb: peak, release: () => outputOf(lease.release(keep, true)) };
  }

  /** Notes how long a call that has begun waited in its worker, and how long it ran. */
  #note(trace: CallTrace, { aheadSince }: Lease, { begunAt }: Exchange): void {
    if (aheadSince !== null) trace.queueMs += begunAt! - aheadSince;
    trace.runMs = this.#options.clock.now() - begunAt!;
  }

  #message({ invocationId, record, request }: ExecutorCall, reuse: boolean, isAhead: boolean) {
    const { method, path, basePath, query, headers, host, protocol, clientAddress } = request;
    // Written out: spreading costs more than all else here.
    return {
      type: 'invoke' as const,
      // Not the id of the call, which a client may choose.
      id: messageId(),
      invocationId,
      method,
      path,
      basePath,
      query,
      headers,
      host,
      protocol,
      clientAddress,
      version: record.active.version,
      timeoutMs: record.settings.timeoutMs,
      maxResponseBytes: this.#options.maxResponseBytes,
      oneUse: reuse ? undefined : (true as const),
      ahead: isAhead ? latestBegin() : undefined,
    };
  }

  /** Gives the instance back and says why the call has no answer. */
  async #failed(error: unknown, lease: Lease, signal: AbortSignal): Promise<ExecutionFailure> {
    if (signal.aborted) {
      const reason = this.#reasonOf(signal.reason, signal);
      return new ExecutionFailure(reason, outputOf(lease.release(false, true)));
    }
    const explained = await lease.explain(error);
    if (!(explained instanceof InstanceFailure))
      return new ExecutionFailure(this.#reasonOf(explained, signal), outputOf(lease.release(false, true)));
    // V8 reports a full heap only on the container's own stderr, and the failure's code depends on that.
    const output = await lease.instance.output();
    void lease.release(false);
    const { message, exit } = explained;
    const reason: FailureReason = { type: 'ended', message, exit, stderr: output.stderr };
    return new ExecutionFailure(reason, Promise.resolve(output));
  }

  #reasonOf(error: unknown, signal: AbortSignal): FailureReason {
    if (error instanceof GlambdarError) return { type: 'refused', error };
    if (signal.aborted) return { type: 'cancelled' };
    if (error instanceof DriverError) {
      const refusal = error.kind === 'unavailable' ? driverUnavailable() : cannotStart(error);
      return { type: 'refused', error: refusal };
    }
    if (error instanceof CallTimeout) return { type: 'timeout' };
    if (error instanceof LoadFailure) return { type: 'load-failed', error: error.error };
    if (error instanceof ServerTimeout) {
      const { port, timeoutMs } = error;
      return { type: 'server-timeout', port, timeoutMs };
    }
    if (error instanceof LoadTimeout) return { type: 'load-timeout', timeoutMs: error.timeoutMs };
    if (error instanceof InstanceFailure)
      return {
        type: 'ended',
        message: error.message,
        exit: error.exit,
        stderr: error.output?.stderr ?? '',
      };
    return { type: 'unknown', cause: error };
  }
}

function isBrokenOff({ message }: WorkerAnswer): boolean {
  return message.type === 'error' && message.error.name === BROKEN_OFF;
}

/** Rejects with InstanceFailure when the image beside the worker, which broke off the connection, has ended. */
async function assertServerRuns({ instance }: Lease): Promise<void> {
  const exit = await instance.serverExit();
  if (exit !== undefined) throw new InstanceFailure('the image ended before it answered', { exit });
}

function outputOf(released: Promise<ContainerOutput>): Promise<ContainerOutput> | null {
  return released === KEPT ? null : released;
}

/** Owns one call's exchange with its worker: the request, then the answer, the deadline, or the caller's departure and a grace. */
import { deadline, type Clock } from '../../clock.js';
import { GlambdarError } from '../../errors.js';
import { faultPoint } from '../../faults.js';
import type { LogSink } from '../../model/call/execution.js';
import type { Instance } from '../../instance/instance.js';
import type { AnswerTaker, InvokeMessage, WorkerAnswer } from '../../instance/wire/worker-connection.js';
import { unwatchDeparture, watchDeparture, type Watcher } from '../../model/call/departure.js';

export interface ExchangeOptions {
  /** The instance reserved for this call. */
  instance: Instance;
  message: InvokeMessage;
  body: Buffer;
  sink: LogSink;
  clock: Clock;
  /** Aborts when the caller has gone; aborts with a GlambdarError when there is no time for a grace. */
  signal: AbortSignal;
  /** How long a call may still run after its caller has gone, in milliseconds. */
  cancelGraceMs: number;
}

/** The function did not answer within its `timeoutMs`. */
export class CallTimeout extends Error {
  constructor() {
    super('the function did not answer in time');
    this.name = 'CallTimeout';
  }
}

/**
 * Rejects with CallTimeout, with ConnectionLost as soon as the connection is lost (how the container ended is not known
 * then: finding out must not run into the deadline), or with the signal's reason after the grace.
 */
export function exchange(options: ExchangeOptions): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => new Exchange(options, resolve, reject).begin());
}

/** One call under way. An object, and not a promise with closures, each of which would cost every call. */
class Exchange implements AnswerTaker, Watcher {
  readonly #options: ExchangeOptions;
  readonly #resolve: (answer: WorkerAnswer) => void;
  readonly #reject: (error: Error) => void;
  #cancelDeadline: (() => void) | null = null;

  constructor(
    options: ExchangeOptions,
    resolve: (answer: WorkerAnswer) => void,
    reject: (error: Error) => void,
  ) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(): void {
    const { instance, message, body, sink, signal } = this.#options;
    signal.throwIfAborted();
    // The request is sent first: the worker begins while the rest is set up.
    instance.invoke(message, body, sink, this);
    this.#endAfter(message.timeoutMs, () => new CallTimeout());
    watchDeparture(signal, this);
    faultPoint('invoke.sent');
  }

  answered(answer: WorkerAnswer): void {
    this.#end();
    this.#resolve(answer);
  }

  failed(error: Error): void {
    this.#end();
    this.#reject(error);
  }

  departed(): void {
    const { instance, message, clock, signal, cancelGraceMs } = this.#options;
    instance.cancel(message.id);
    const left = Math.max(0, message.timeoutMs - (clock.now() - instance.since));
    const graceMs = signal.reason instanceof GlambdarError ? 0 : cancelGraceMs;
    this.#endAfter(Math.min(left, graceMs), () => signal.reason as Error);
  }

  #endAfter(ms: number, error: () => Error): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = deadline(this.#options.clock, ms, () => this.failed(error()));
  }

  #end(): void {
    this.#cancelDeadline?.();
    unwatchDeparture(this.#options.signal, this);
  }
}

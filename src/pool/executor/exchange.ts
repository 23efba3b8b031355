/**
 * Owns one call's exchange with its worker: the request, then the answer, the deadline, or the caller's departure and a grace.
 * The time limit of a call counts from its begin, which for a call that was sent ahead is the answer to the call before it.
 */
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
  /** The worker still runs another call. */
  isAhead: boolean;
}

/** The function did not answer within its `timeoutMs`. */
export class CallTimeout extends Error {
  constructor() {
    super('the function did not answer in time');
    this.name = 'CallTimeout';
  }
}

/** One call under way. An object, and not a promise with closures, each of which would cost every call. */
export class Exchange implements AnswerTaker, Watcher {
  readonly #options: ExchangeOptions;
  /** When the call began, monotonic milliseconds; null: it has not begun. */
  begunAt: number | null = null;
  #resolve!: (answer: WorkerAnswer) => void;
  #reject!: (error: Error) => void;
  #cancelDeadline: (() => void) | null = null;
  #isOver = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /**
   * Rejects with CallTimeout, with ConnectionLost as soon as the connection is lost (how the container ended is not known
   * then: finding out must not run into the deadline), with NotBegun, or with the signal's reason after the grace.
   */
  run(): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#send();
    });
  }

  #send(): void {
    const { instance, message, body, sink, signal, isAhead } = this.#options;
    signal.throwIfAborted();
    // A call that is sent to a worker without another began when it got the instance.
    if (!isAhead) this.begunAt = instance.since;
    // The request is sent first: a worker that waits begins while the rest is set up.
    instance.invoke(message, body, sink, this);
    if (this.begunAt !== null) this.#endAfter(message.timeoutMs, () => new CallTimeout());
    watchDeparture(signal, this);
    faultPoint('invoke.sent');
  }

  begun(): void {
    if (this.#isOver || this.begunAt !== null) return;
    const { message, signal, clock } = this.#options;
    this.begunAt = clock.now();
    if (signal.aborted) this.#endAfterGrace();
    else this.#endAfter(message.timeoutMs, () => new CallTimeout());
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
    const { instance, message, signal } = this.#options;
    instance.cancel(message.id);
    // A call that has not begun is given back, or begins before the worker hears of the departure. It ends at once only when
    // the server stops: then its instance gets no other call, though the worker may still begin this one.
    if (this.begunAt !== null || signal.reason instanceof GlambdarError) this.#endAfterGrace();
  }

  #endAfterGrace(): void {
    const { message, clock, signal, cancelGraceMs } = this.#options;
    const now = clock.now();
    const left = Math.max(0, message.timeoutMs - (now - (this.begunAt ?? now)));
    const graceMs = signal.reason instanceof GlambdarError ? 0 : cancelGraceMs;
    this.#endAfter(Math.min(left, graceMs), () => signal.reason as Error);
  }

  #endAfter(ms: number, error: () => Error): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = deadline(this.#options.clock, ms, () => this.failed(error()));
  }

  #end(): void {
    this.#isOver = true;
    this.#cancelDeadline?.();
    unwatchDeparture(this.#options.signal, this);
  }
}

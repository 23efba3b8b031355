/** Owns one call's exchange with its worker: the request, then the answer, the deadline, or the caller's departure and a grace. */
import { deadline, type Clock } from '../../clock.js';
import { GlambdarError } from '../../errors.js';
import { faultPoint } from '../../faults.js';
import type { LogSink } from '../../model/call/execution.js';
import type { Instance } from '../../instance/instance.js';
import type { InvokeMessage, WorkerAnswer } from '../../instance/wire/worker-connection.js';
import { onDeparture } from '../../model/call/departure.js';

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
  const { instance, message, body, sink, clock, signal, cancelGraceMs } = options;
  const { id, timeoutMs } = message;
  // Not async: every promise between the worker's answer and the client costs each call.
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let cancelDeadline: (() => void) | undefined;
    const end = (): void => {
      cancelDeadline?.();
      unwatch();
    };
    const fail = (error: Error): void => {
      end();
      reject(error);
    };
    const after = (ms: number, error: () => Error): void => {
      cancelDeadline?.();
      cancelDeadline = deadline(clock, ms, () => fail(error()));
    };
    // The request is sent first: the worker begins while the rest is set up.
    instance.invoke(message, body, sink).then((answer) => {
      end();
      resolve(answer);
    }, fail);
    after(timeoutMs, () => new CallTimeout());
    const unwatch = onDeparture(signal, () => {
      instance.cancel(id);
      const left = Math.max(0, timeoutMs - (clock.now() - instance.since));
      const graceMs = signal.reason instanceof GlambdarError ? 0 : cancelGraceMs;
      after(Math.min(left, graceMs), () => signal.reason as Error);
    });
    faultPoint('invoke.sent');
  });
}

/** Owns one call's conversation with its worker: sent, then its answer, its deadline, or its caller's going and a grace. */
import { GlambdarError } from '../errors.js';
import { faultPoint } from '../faults.js';
import type { CallResult, Lease, LogSink } from '../pool/act/lease.js';
import { onDeparture } from './departure.js';
import { timedOut } from './outcome.js';

type Message = Parameters<Lease['invoke']>[0];

export interface ExchangeOptions {
  lease: Lease;
  message: Message;
  body: Buffer;
  sink: LogSink;
  /** Aborts when the caller has gone; with a GlambdarError when there is no time left for a grace. */
  signal: AbortSignal;
  /** What is left to a call whose caller has gone. */
  cancelGraceMs: number;
}

/** Rejects with the error of the deadline, with InstanceFailure, or with the signal's reason after the grace. */
export async function exchange({
  lease,
  message,
  body,
  sink,
  signal,
  cancelGraceMs,
}: ExchangeOptions): Promise<CallResult> {
  const { id, timeoutMs } = message;
  const begun = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let unwatch: (() => void) | undefined;
  try {
    signal.throwIfAborted();
    return await new Promise<CallResult>((resolve, reject) => {
      const after = (ms: number, error: () => Error): void => {
        clearTimeout(timer);
        // One more turn: after a stall of ours the answer may have come in time and not been read yet.
        timer = setTimeout(() => setImmediate(() => reject(error())), ms);
      };
      // Sent first: the worker begins while the rest is done.
      lease.invoke(message, body, sink).then(resolve, reject);
      after(timeoutMs, () => timedOut(timeoutMs));
      unwatch = onDeparture(signal, () => {
        lease.cancel(id);
        const left = Math.max(0, timeoutMs - (performance.now() - begun));
        const graceMs = signal.reason instanceof GlambdarError ? 0 : cancelGraceMs;
        after(Math.min(left, graceMs), () => signal.reason as Error);
      });
      faultPoint('invoke.sent');
    });
  } finally {
    clearTimeout(timer);
    unwatch?.();
  }
}

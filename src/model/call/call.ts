/** Owns the shapes of one call: what is asked, what is answered, what is kept of it. */
import type { FunctionId } from '../function/id.js';

export type Outcome = 'ok' | 'function_error' | 'timeout' | 'oom' | 'crash' | 'cancelled' | 'platform_error';

/**
 * How a call found its instance: `cold` (a container had to be started), `standby` (a started container without code),
 * `loaded` (the code was loaded, never called), `warm` (called before).
 */
export type StartKind = 'cold' | 'standby' | 'loaded' | 'warm';

/** What the caller sent. The body is never parsed on the host. */
export interface CallRequest {
  method: string;
  /** What follows `/invoke/<name>`, as sent (not percent-decoded), at least `/`. */
  path: string;
  /** Query string as sent, without the `?`. */
  query: string;
  /** As received, in order, lower-case names, hop-by-hop headers, `content-length` and `host` removed, repeated ones repeated. */
  headers: [name: string, value: string][];
  body: Buffer;
}

/** Where the time of a call went, in fractional milliseconds. */
export interface CallTimes {
  queueMs: number;
  startMs: number;
  loadMs: number;
  runMs: number;
}

/** What the function answered, already checked: legal status, names and values, within the limits of `response-rules.ts`. */
export interface CallResponse {
  statusCode: number;
  /** Repeated names are repeated headers. Never `content-length` or hop-by-hop. */
  headers: [name: string, value: string][];
  body: Buffer;
  version: number;
  start: StartKind;
  times: CallTimes;
}

/** One call, as kept. Durations are fractional milliseconds. */
export interface CallRecord extends CallTimes {
  /** Of the call; unique among the records that are kept. */
  id: string;
  functionId: FunctionId;
  /** The function's name, as clients see it. */
  funcName: string;
  version: number;
  /** Epoch milliseconds. */
  invokedAt: number;
  /** HTTP status answered; 499 when the client had gone. */
  status: number;
  outcome: Outcome;
  /** null when the call ended before an instance was chosen. */
  start: StartKind | null;
  durationMs: number;
  peakMemoryMb: number | null;
  stdout: string;
  stderr: string;
  error: { code: string; message: string; stack?: string } | null;
}

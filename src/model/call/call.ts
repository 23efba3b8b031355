/** Owns the shapes of one call: its request, its answer and its record. */
import type { FunctionId } from '../function/id.js';

export type Outcome = 'ok' | 'function_error' | 'timeout' | 'oom' | 'crash' | 'cancelled' | 'platform_error';

/**
 * How a call found its instance: `cold` (a container had to be started), `standby` (a started container without code),
 * `loaded` (the code was loaded, never called), `warm` (called before).
 */
export type StartKind = 'cold' | 'standby' | 'loaded' | 'warm';

/** The caller's request. The body is never parsed on the host. */
export interface CallRequest {
  /** The method that the function is told. */
  method: string;
  /** The part of the path behind `basePath`, as sent (not percent-decoded), at least `/`. */
  path: string;
  /** The part of the path that names the function, as sent, e.g. `/invoke/hello`; empty when a host name names it. */
  basePath: string;
  /** Query string as sent, without the `?`. */
  query: string;
  /** In the order received, lower-case names, repeated headers repeated; without hop-by-hop headers, `content-length`, `host`. */
  headers: [name: string, value: string][];
  /** The host and port that the client named, as sent; undefined when it named none. */
  host: string | undefined;
  /** The protocol that the client used, to this server or to a trusted proxy before it. */
  protocol: 'http' | 'https';
  /** The address of the client, which is not that of a trusted proxy; undefined when the client is gone. */
  clientAddress: string | undefined;
  body: Buffer;
  /** The method of the client's own request, for the record: `HEAD` where the function is told `GET`. */
  clientMethod: string;
  /** The target of the client's own request, with its query, for the record. The function may be told another path. */
  clientTarget: string;
}

/** How the time of a call was spent, in fractional milliseconds. */
export interface CallTimes {
  queueMs: number;
  startMs: number;
  loadMs: number;
  runMs: number;
}

/** The function's answer, already checked: legal status, names and values, within the limits of `response-rules.ts`. */
export interface CallResponse {
  statusCode: number;
  /** Headers; a repeated header has several pairs. Never `content-length` or hop-by-hop. */
  headers: [name: string, value: string][];
  body: Buffer;
  version: number;
  start: StartKind;
  times: CallTimes;
}

/** The record of one call, as kept. Durations are fractional milliseconds. */
export interface CallRecord extends CallTimes {
  /** Id of the call; unique among the kept records. */
  id: string;
  functionId: FunctionId;
  /** The function's name, as clients see it. */
  funcName: string;
  version: number;
  /** Epoch milliseconds. */
  invokedAt: number;
  /** The method of the client's request; null in records of releases that did not keep it. */
  method: string | null;
  /** The path of the client's request, without its query, printable, and cut when it is long; null as `method`. */
  path: string | null;
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

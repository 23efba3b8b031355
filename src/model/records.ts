/** Owns the shapes of what is kept: functions, their versions, and records of calls. Times are epoch milliseconds. */
import type { ContractName } from './contracts.js';

/** Settings of a function (README "Settings"). Validated by `registry/function.ts`. */
export interface FunctionSettings {
  memoryMb: number;
  cpus: number;
  timeoutMs: number;
  /** How many calls may run at once; null = no limit of its own. */
  maxConcurrency: number | null;
  /** Requests per second; 0 = none. */
  rateLimit: number;
  /** "invocation": a fresh container for every call. "function": containers are reused, one call at a time. */
  isolation: 'invocation' | 'function';
  network: 'none' | 'bridge';
  env: Record<string, string>;
  /** "file.export", or null for the default look-up. */
  handler: string | null;
  contract: ContractName;
  /** Loaded, never-used containers to keep; null = automatic. */
  standby: number | null;
}

/** One immutable version of a function's code and settings that shape its container. */
export interface VersionRecord {
  name: string;
  version: number;
  /** `sha256:` + hex over the sorted manifest of the extracted tree. */
  digest: string;
  sizeBytes: number;
  createdAt: number;
}

/** A deployed function: its active version and current settings. */
export interface FunctionRecord {
  name: string;
  createdAt: number;
  updatedAt: number;
  active: VersionRecord;
  settings: FunctionSettings;
}

/** Counters of a function, kept apart from the durable record because they change with every call. */
export interface FunctionCounters {
  invokeCount: number;
  errorCount: number;
  lastInvokedAt: number | null;
}

export type Outcome = 'ok' | 'function_error' | 'timeout' | 'oom' | 'crash' | 'cancelled' | 'platform_error';
export type StartKind = 'cold' | 'standby' | 'loaded' | 'warm';

/** One call, as kept. Durations are fractional milliseconds. */
export interface InvocationRecord {
  id: string;
  funcName: string;
  version: number;
  invokedAt: number;
  /** HTTP status answered; 499 when the client had gone. */
  status: number;
  outcome: Outcome;
  /** null when the call ended before an instance was chosen. */
  start: StartKind | null;
  durationMs: number;
  queueMs: number;
  startMs: number;
  loadMs: number;
  runMs: number;
  peakMemoryMb: number | null;
  stdout: string;
  stderr: string;
  error: { code: string; message: string; stack?: string } | null;
}

/** Owns the mapping between a record of a call and a row of `invocations.db`. */
import type { CallRecord, Outcome, StartKind } from '../../../model/call/call.js';
import type { FunctionId } from '../../../model/function/id.js';

/** Characters of an error's message that are kept longer than the record's texts. */
export const SHORT_MESSAGE = 1000;

/** A row of `callees`; counters are null until they are first written. */
export interface CalleeRow {
  callee: number;
  function_id: string;
  last_n: number;
  invoke_count: number | null;
  error_count: number | null;
  last_invoked_at: number | null;
}

/** A row of `invocations` with its callee and, as long as they are kept, its texts. */
export interface CallRow {
  n: number;
  function_id: string;
  func_name: string;
  id: string;
  version: number;
  invoked_at: number;
  method: string | null;
  path: string | null;
  status: number;
  outcome: Outcome;
  start: StartKind | null;
  duration_ms: number;
  queue_ms: number;
  start_ms: number;
  load_ms: number;
  run_ms: number;
  peak_memory_mb: number | null;
  error_code: string | null;
  error_message: Uint8Array | null;
  stdout_bytes: number;
  stderr_bytes: number;
  stdout: Uint8Array | null;
  stderr: Uint8Array | null;
  long_message: Uint8Array | null;
  error_stack: Uint8Array | null;
}

/** Text as bytes: a TEXT column would be cut at its first NUL when read. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}

function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Upper bound of the bytes by which a record counts against the limit of kept texts. */
export function textBytesOf({ stdout, stderr, error }: CallRecord): number {
  let bytes = Buffer.byteLength(stdout) + Buffer.byteLength(stderr);
  if (error !== null) bytes += Buffer.byteLength(error.message) + Buffer.byteLength(error.stack ?? '');
  return bytes;
}

/** The record; a text that is no longer kept is replaced by a note that says so. */
export function toRecord(row: CallRow): CallRecord {
  return {
    id: row.id,
    functionId: row.function_id as FunctionId,
    funcName: row.func_name,
    version: row.version,
    invokedAt: row.invoked_at,
    method: row.method,
    path: row.path,
    status: row.status,
    outcome: row.outcome,
    start: row.start,
    durationMs: row.duration_ms,
    queueMs: row.queue_ms,
    startMs: row.start_ms,
    loadMs: row.load_ms,
    runMs: row.run_ms,
    peakMemoryMb: row.peak_memory_mb,
    stdout: output(row.stdout, row.stdout_bytes),
    stderr: output(row.stderr, row.stderr_bytes),
    error: errorOf(row),
  };
}

function output(kept: Uint8Array | null, bytes: number): string {
  if (kept !== null) return fromBytes(kept);
  return bytes === 0 ? '' : `[${bytes} bytes of output are no longer kept: newer calls needed the room]\n`;
}

function errorOf(row: CallRow): CallRecord['error'] {
  if (row.error_code === null) return null;
  const message = row.long_message ?? row.error_message;
  const error = { code: row.error_code, message: message === null ? '' : fromBytes(message) };
  return row.error_stack === null ? error : { ...error, stack: fromBytes(row.error_stack) };
}

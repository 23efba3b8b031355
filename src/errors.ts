/**
 * Owns the closed table of errors a client may see: code → HTTP status and who is at fault.
 * Rendering them into a family's envelope is the business of `http/`.
 */

/** The party at fault: the `caller` (a wrong request), the `function` (its code), the `platform` (this server or Docker). */
export type Fault = 'caller' | 'function' | 'platform';

const table = {
  INVALID_REQUEST: { status: 400, fault: 'caller' },
  MISSING_FILE: { status: 400, fault: 'caller' },
  INVALID_NAME: { status: 400, fault: 'caller' },
  INVALID_BODY: { status: 400, fault: 'caller' },
  UNAUTHENTICATED: { status: 401, fault: 'caller' },
  FORBIDDEN: { status: 403, fault: 'caller' },
  QUOTA_EXCEEDED: { status: 403, fault: 'caller' },
  FORBIDDEN_ORIGIN: { status: 403, fault: 'caller' },
  NOT_FOUND: { status: 404, fault: 'caller' },
  FUNCTION_NOT_FOUND: { status: 404, fault: 'caller' },
  INVOCATION_NOT_FOUND: { status: 404, fault: 'caller' },
  SECRET_NOT_FOUND: { status: 404, fault: 'caller' },
  VERSION_NOT_FOUND: { status: 404, fault: 'caller' },
  METHOD_NOT_ALLOWED: { status: 405, fault: 'caller' },
  CONFLICT: { status: 409, fault: 'caller' },
  REQUEST_TIMEOUT: { status: 408, fault: 'caller' },
  BODY_TOO_LARGE: { status: 413, fault: 'caller' },
  BUNDLE_TOO_LARGE: { status: 413, fault: 'caller' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, fault: 'caller' },
  MISDIRECTED_REQUEST: { status: 421, fault: 'caller' },
  INVALID_BUNDLE: { status: 422, fault: 'caller' },
  IMAGE_UNAVAILABLE: { status: 422, fault: 'caller' },
  LOAD_FAILED: { status: 422, fault: 'function' },
  INSTALL_FAILED: { status: 422, fault: 'caller' },
  RATE_LIMITED: { status: 429, fault: 'caller' },
  CONCURRENCY_LIMIT: { status: 429, fault: 'caller' },
  CANCELLED: { status: 499, fault: 'caller' },
  FUNCTION_ERROR: { status: 500, fault: 'function' },
  INTERNAL: { status: 500, fault: 'platform' },
  INSTANCE_CRASHED: { status: 502, fault: 'function' },
  OUT_OF_MEMORY: { status: 502, fault: 'function' },
  BAD_RESPONSE: { status: 502, fault: 'function' },
  RESPONSE_TOO_LARGE: { status: 502, fault: 'function' },
  AT_CAPACITY: { status: 503, fault: 'platform' },
  DRIVER_UNAVAILABLE: { status: 503, fault: 'platform' },
  CODE_UNAVAILABLE: { status: 503, fault: 'platform' },
  SECRETS_UNAVAILABLE: { status: 503, fault: 'platform' },
  INSTALL_UNAVAILABLE: { status: 503, fault: 'platform' },
  STOPPING: { status: 503, fault: 'platform' },
  INVOCATION_TIMEOUT: { status: 504, fault: 'function' },
  DISK_FULL: { status: 507, fault: 'platform' },
} as const satisfies Record<string, { status: number; fault: Fault }>;

/** Every code a client can receive. Stable: clients switch on it. */
export type ErrorCode = keyof typeof table;

/** All codes. */
export const ERROR_CODES: readonly string[] = Object.keys(table);

/** Whether a string is a code of the table. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(table, code);
}

export interface GlambdarErrorOptions {
  /** The original error, kept for the log, never shown to a client. */
  cause?: unknown;
  /** Overrides the table's status where one code means two things (LOAD_FAILED at deploy 422, in a call 500). */
  status?: number;
  /** Whole seconds after which trying again may help; becomes `Retry-After`. At least 1. */
  retryAfterSeconds?: number;
  /** Further public fields of the envelope, e.g. `{ file, line, stack }` of a user's module. */
  details?: Record<string, unknown>;
}

/** An error whose message may be shown to the client: it says what was expected, what came, what to do. */
export class GlambdarError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly fault: Fault;
  readonly retryAfterSeconds: number | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: GlambdarErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GlambdarError';
    this.code = code;
    this.status = options.status ?? table[code].status;
    this.fault = table[code].fault;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.details = options.details;
  }
}

/** A GlambdarError as it is; any other error as the cause of an INTERNAL whose message gives nothing away. */
export function toGlambdarError(error: unknown): GlambdarError {
  if (error instanceof GlambdarError) return error;
  return new GlambdarError('INTERNAL', 'The server failed to handle this request; its log has the reason.', {
    cause: error,
  });
}

/** Owns the native error envelope: `{"error", "code", "requestId"}` and the public details of the error. */
import type { GlambdarError } from '../../../errors.js';
import type { ErrorAnswer } from '../family.js';

/** The envelope of README "HTTP API". Details never replace the three fields that clients switch on. */
export function nativeEnvelope(error: GlambdarError, requestId: string): ErrorAnswer {
  const base = { error: error.message, code: error.code, requestId };
  return {
    status: error.status,
    contentType: 'application/json; charset=utf-8',
    body: encode({ ...base, ...error.details, ...base }) ?? JSON.stringify(base),
  };
}

/** Details may come from a user's module: too deep or circular ones must not turn the error into another one. */
function encode(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

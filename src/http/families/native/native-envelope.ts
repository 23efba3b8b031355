/** Owns the native error envelope: `{"error", "code", "requestId"}` and the public details of the error. */
import type { GlambdarError } from '../../../errors.js';
import type { ErrorAnswer } from '../family.js';

/** The envelope of docs/api.md. Details never replace the three fields that clients rely on. */
export function nativeEnvelope(error: GlambdarError, requestId: string): ErrorAnswer {
  const base = { error: error.message, code: error.code, requestId };
  return {
    status: error.status,
    contentType: 'application/json; charset=utf-8',
    body: encode({ ...base, ...error.details, ...base }) ?? JSON.stringify(base),
  };
}

/** JSON, or undefined for a value that JSON cannot express: details may come from a user's module and be circular or too deep. */
function encode(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

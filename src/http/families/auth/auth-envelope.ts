/** Owns the error envelope of `/auth/…`: `{"error"}` and nothing else, as the clients of Invok expect it. */
import type { GlambdarError } from '../../../errors.js';
import type { ErrorAnswer } from '../family.js';

export function authEnvelope(error: GlambdarError): ErrorAnswer {
  return {
    status: error.status,
    contentType: 'application/json; charset=utf-8',
    body: JSON.stringify({ error: error.message }),
  };
}

/** Owns the error envelope of the CloudFunc gateway: `{"error": …}`, where a registry's answer stands inside another one. */
import type { GlambdarError } from '../../../errors.js';
import type { ErrorAnswer } from '../family.js';

/** The `error` of an answer that is not just the message. */
export const ERROR_FIELD = 'error';

export function cloudfuncEnvelope(error: GlambdarError): ErrorAnswer {
  const given = error.details?.[ERROR_FIELD];
  return {
    status: error.status,
    contentType: 'application/json; charset=utf-8',
    body: JSON.stringify({ error: given ?? error.message }),
  };
}

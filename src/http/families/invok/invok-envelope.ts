/** Owns the error envelope of Invok: plain text, but JSON where a client has not proved who it is. */
import type { GlambdarError } from '../../../errors.js';
import type { ErrorAnswer } from '../family.js';

export function invokEnvelope(error: GlambdarError): ErrorAnswer {
  const { status, message, code } = error;
  if (code === 'UNAUTHENTICATED') {
    const body = JSON.stringify({ error: message });
    return { status, contentType: 'application/json; charset=utf-8', body };
  }
  return { status, contentType: 'text/plain; charset=utf-8', body: message };
}

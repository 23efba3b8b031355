/** Owns turning any thrown value into an error of the closed table: no library's text or status reaches a client. */
import { GlambdarError, toGlambdarError } from '../../errors.js';

interface Fields {
  code?: unknown;
  status?: unknown;
}

const goneCodes = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE']);

/** Whether an error that reached the app's `error` event only says that the client went away or sent broken HTTP. */
export function isClientGone(error: unknown): boolean {
  const code = (error as Fields | null | undefined)?.code;
  return typeof code === 'string' && (goneCodes.has(code) || code.startsWith('HPE_'));
}

/** Our own errors pass unchanged; a library's 4xx becomes the nearest code of ours; any other error becomes INTERNAL. */
export function toClientError(error: unknown): GlambdarError {
  if (error instanceof GlambdarError) return error;
  const { code, status } = (error ?? {}) as Fields;
  // Broken gzip: zlib's errors carry no status.
  if (typeof code === 'string' && code.startsWith('Z_'))
    return invalid('The compressed request body is broken; compress it again, or send it as it is.', error);
  if (status === 413)
    return new GlambdarError('BODY_TOO_LARGE', 'The request body is too large; send less.', { cause: error });
  if (status === 415) {
    const message =
      'The type or the encoding of the body is not one of those that this path takes; see GET /openapi.json.';
    return new GlambdarError('UNSUPPORTED_MEDIA_TYPE', message, { cause: error });
  }
  if (typeof status === 'number' && status >= 400 && status < 500)
    return invalid('The request cannot be read as this path expects it; see GET /openapi.json.', error);
  return toGlambdarError(error);
}

function invalid(message: string, cause: unknown): GlambdarError {
  return new GlambdarError('INVALID_REQUEST', message, { cause });
}

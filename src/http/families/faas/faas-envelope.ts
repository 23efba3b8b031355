/** Owns the error envelope of faas: `{"message", "info"?}`, nearly always with the status 400. */
import type { ErrorCode, GlambdarError } from '../../../errors.js';
import type { ErrorAnswer, RequestLine } from '../family.js';
import { UnreadableFunctionData } from './function-upload.js';

/** Errors that have their status in every family: what a sender may not do, and a full disk. */
const WITH_OWN_STATUS: readonly ErrorCode[] = [
  'DISK_FULL',
  'FORBIDDEN',
  'FORBIDDEN_ORIGIN',
  'MISDIRECTED_REQUEST',
  'UNAUTHENTICATED',
];

/** A failed deploy says so in `message`, and why in `info`; a failed call says why in `message`. */
export function faasEnvelope(error: GlambdarError, _requestId: string, request: RequestLine): ErrorAnswer {
  const body =
    isDeploy(request) && !(error instanceof UnreadableFunctionData)
      ? { message: 'Failed to deploy function', info: error.message }
      : { message: error.message };
  return {
    status: WITH_OWN_STATUS.includes(error.code) ? error.status : 400,
    contentType: 'application/json; charset=utf-8',
    body: JSON.stringify(body),
  };
}

function isDeploy({ method, path }: RequestLine): boolean {
  return method === 'POST' && (path === '/functions' || path === '/functions/');
}

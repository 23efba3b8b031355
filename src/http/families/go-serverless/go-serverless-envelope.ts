/** Owns the envelope of the go-serverless API: `{"success", "message", "data"}`, for answers and for errors. */
import type { Context } from 'koa';
import { sendJson } from '../../answers/send-json.js';
import type { GlambdarError } from '../../../errors.js';
import type { ErrorAnswer } from '../family.js';

/** Answers with data. */
export function sendData(ctx: Context, status: number, data: unknown): void {
  sendJson(ctx, status, { success: true, message: 'success', data });
}

/** An image that cannot be had is a wrong request to this API. `data` holds what more is known of a failure, e.g. the exit code. */
export function goServerlessEnvelope(error: GlambdarError): ErrorAnswer {
  const { code, status, message, details } = error;
  return {
    status: code === 'IMAGE_UNAVAILABLE' ? 400 : status,
    contentType: 'application/json; charset=utf-8',
    body: JSON.stringify({ success: false, message, data: details === undefined ? null : known(details) }),
  };
}

/** Details may come from a user's module and be no JSON. */
function known(details: Record<string, unknown>): unknown {
  try {
    JSON.stringify(details);
    return details;
  } catch {
    return null;
  }
}

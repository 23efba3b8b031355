/** Owns reading a JSON object from a request's body, whatever its content type: `curl -d` names that of a form. */
import type { Context } from 'koa';
import { GlambdarError } from '../../errors.js';
import { JsonTextError, readJsonText } from '../../model/json-text.js';
import type { BodyBudget } from '../answers/body-budget.js';
import { assertStillSender } from './principal.js';
import { readBody } from './request-body.js';

const MAX_BYTES = 256 * 1024;

/** The flow of these bodies in the budget. */
const FLOW = '\0control';

/** Rejects with INVALID_REQUEST, BODY_TOO_LARGE, or the errors of `readBody` and `assertStillSender`. */
export async function readJsonObject(ctx: Context, bodies: BodyBudget): Promise<Record<string, unknown>> {
  const body = await readBody(ctx.req, ctx.res, MAX_BYTES, bodies, FLOW);
  bodies.give(body.length, FLOW);
  await assertStillSender(ctx);
  let value: unknown;
  try {
    readJsonText(body);
    value = JSON.parse(body.toString('utf8').replace(/^\uFEFF/, ''));
  } catch (cause) {
    const fault = cause instanceof JsonTextError ? `, and this is not JSON: ${cause.message}` : '';
    throw new GlambdarError('INVALID_REQUEST', `The body must be a JSON object${fault}.`, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new GlambdarError('INVALID_REQUEST', 'The body must be a JSON object.');
}

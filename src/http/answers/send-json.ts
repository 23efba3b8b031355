/** Owns writing a JSON answer of the control API. */
import type { Context } from 'koa';

const LINE_BREAK = Buffer.from('\n');

/** Serialises here, not in Koa's responder, so that a value that cannot be encoded still gets the error envelope. */
export function sendJson(ctx: Context, status: number, value: unknown): void {
  sendJsonText(ctx, status, JSON.stringify(value));
}

/** Like `sendJson`, for a text that is JSON already. The answer ends with a line break, so that a shell's prompt starts a line. */
export function sendJsonText(ctx: Context, status: number, text: string | Buffer): void {
  ctx.status = status;
  ctx.set('Content-Type', 'application/json; charset=utf-8');
  ctx.set('Cache-Control', 'no-store');
  ctx.body = typeof text === 'string' ? `${text}\n` : Buffer.concat([text, LINE_BREAK]);
}

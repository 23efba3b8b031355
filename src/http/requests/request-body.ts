/**
 * Owns how request bodies are taken off the wire: when the client may send its body (`Expect: 100-continue`), reading
 * it whole with an exact limit, and throwing away a body that nobody wants. Bodies are never parsed or inflated here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GlambdarError } from '../../errors.js';
import { describeBytes } from '../../model/byte-size.js';
import type { BodyBudget } from '../answers/body-budget.js';

/** The variable that sets the largest body of a call. */
export const CALL_BODY_VARIABLE = 'GLAMBDAR_MAX_BODY_BYTES';

const EMPTY = Buffer.alloc(0);

/** The connection of an unwanted body longer than this is cut instead of drained. */
const DISCARD_LIMIT_BYTES = 64 * 1024 * 1024;

/** Pieces kept as they came before they are joined: a body sent byte by byte must not take hundreds of times its size. */
const MAX_LOOSE_CHUNKS = 1024;

/** The most bytes that a body may have, and the variable of the server that says so, if one does. */
interface BodyLimit {
  maxBytes: number;
  variable: string | undefined;
}

/** Key of a request's function that ends the reading of its body with an error. */
const endReading = Symbol('end reading');
type Reading = IncomingMessage & { [endReading]?: (error: Error) => void };

/** Key of a request's flag that its client waits for `100 Continue` before it sends the body. */
const waiting = Symbol('awaits 100 Continue');
type Waiting = IncomingMessage & { [waiting]?: boolean };

/** Notes that the client waits for `100 Continue`; called for the server's event `checkContinue`. */
export function markAwaitingContinue(req: IncomingMessage): void {
  (req as Waiting)[waiting] = true;
}

/** Whether the client still waits for `100 Continue`, because its body has not been accepted. */
export function awaitsContinue(req: IncomingMessage): boolean {
  return (req as Waiting)[waiting] === true;
}

/** Lets the client send its body. To be called before the body is read, and after every check that needs no body. */
export function acceptBody(req: IncomingMessage, res: ServerResponse): void {
  if (!awaitsContinue(req)) return;
  (req as Waiting)[waiting] = false;
  if (hasBody(req)) res.writeContinue();
}

/** The announced length in bytes; undefined when chunked or absent. Node's parser has refused all but digits. */
export function declaredLength(req: IncomingMessage): number | undefined {
  const length = req.headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

export function hasBody(req: IncomingMessage): boolean {
  return req.headers['transfer-encoding'] !== undefined || (declaredLength(req) ?? 0) > 0;
}

/**
 * Reads the exact bytes of the body, up to and including `maxBytes`. Fails with BODY_TOO_LARGE (thrown before reading
 * when the length is announced), AT_CAPACITY when all bodies together are too large, CANCELLED when the client went away
 * in the middle, or the error of `rejectBody`. Takes the bytes from the budget; the caller gives them back.
 * @param variable the variable of the server that sets the limit, if one does
 */
export function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  maxBytes: number,
  budget: BodyBudget,
  flow: string,
  variable?: string,
): Buffer | Promise<Buffer> {
  const limit = { maxBytes, variable };
  if ((declaredLength(req) ?? 0) > maxBytes) throw bodyTooLarge(limit);
  acceptBody(req, res);
  if (!hasBody(req)) return EMPTY;
  assertNotLeft(req);
  if (hasArrived(req)) return takeBody(req, budget, flow);
  // Most bodies come with their head. In the next tick Node has handed over all of what it has read, and to take such a body at
  // once costs less than the events of a stream.
  return new Promise((resolve, reject: (error: Error) => void) => {
    let ended: Error | undefined;
    (req as Reading)[endReading] = (error) => (ended = error);
    process.nextTick(() => {
      try {
        if (hasArrived(req)) resolve(takeBody(req, budget, flow));
        else if (ended !== undefined) reject(ended);
        else resolve(collectBody(req, limit, budget, flow));
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

/** Whether the request has a body of an announced length, and all of it waits to be read. */
function hasArrived(req: IncomingMessage): boolean {
  return req.readableLength > 0 && req.readableLength === declaredLength(req);
}

/** The body of which `hasArrived` is true. */
function takeBody(req: IncomingMessage, budget: BodyBudget, flow: string): Buffer {
  const body = req.read() as Buffer;
  budget.take(body.length, flow);
  return body;
}

/** The body of a request that is arriving. */
function collectBody(
  req: IncomingMessage,
  limit: BodyLimit,
  budget: BodyBudget,
  flow: string,
): Promise<Buffer> {
  assertNotLeft(req);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let loose = 0;
    let settled = false;
    const fail = (error: Error): void => {
      if (settled) return;
      settled = true;
      req.off('data', onData);
      budget.give(sizeBytes, flow);
      chunks.length = 0;
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      try {
        if (sizeBytes + chunk.length > limit.maxBytes) throw bodyTooLarge(limit);
        budget.take(chunk.length, flow);
      } catch (error) {
        fail(error as Error);
        return;
      }
      sizeBytes += chunk.length;
      chunks.push(chunk);
      loose += 1;
      if (loose === MAX_LOOSE_CHUNKS) {
        chunks.push(Buffer.concat(chunks.splice(-loose)));
        loose = 0;
      }
    };
    const onEnd = (): void => {
      if (settled) return;
      settled = true;
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, sizeBytes));
    };
    const onCut = (): void => {
      // `close` comes after `end`, too.
      if (!settled) fail(clientLeft());
    };
    (req as Reading)[endReading] = fail;
    // Listeners are removed only where they would do harm: removing one costs more than calling one that does nothing.
    // Without the `error` listener a request that is cut later, while it is drained, would throw.
    req.on('data', onData).on('end', onEnd).on('close', onCut).on('error', onCut);
  });
}

/** Throws CANCELLED when the client is gone already: the events of its request, which would say so, are over. */
export function assertNotLeft(req: IncomingMessage): void {
  if (req.destroyed) throw clientLeft();
}

/** Rejects a body that `readBody` is still reading; a body that has arrived stays. */
export function rejectBody(req: IncomingMessage, error: Error): void {
  (req as Reading)[endReading]?.(error);
}

/**
 * Reads and drops the rest of a refused body, so that the client can finish sending, read the answer, and use the
 * connection again. Closing at once would reset the connection and often destroy the answer on its way.
 */
export function discardBody(req: IncomingMessage): void {
  if (req.complete || !hasBody(req)) return;
  let leftBytes = DISCARD_LIMIT_BYTES;
  req.on('error', () => undefined);
  req.on('data', (chunk: Buffer) => {
    leftBytes -= chunk.length;
    if (leftBytes < 0) req.socket.destroy();
  });
  req.resume();
}

function clientLeft(): GlambdarError {
  return new GlambdarError('CANCELLED', 'The client went away while it sent the body.');
}

function bodyTooLarge({ maxBytes, variable }: BodyLimit): GlambdarError {
  const limit = variable === undefined ? 'the limit here' : `the limit that ${variable} sets on this server`;
  return new GlambdarError(
    'BODY_TOO_LARGE',
    `The request body is larger than ${describeBytes(maxBytes)}, ${limit}.`,
  );
}

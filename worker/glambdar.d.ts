/**
 * The types of functions, for authors: `import type { Handler } from 'glambdar'`. Types only; nothing of this package runs in a
 * function. docs/functions.md says the same in words.
 */

/** What a handler gets of the request that called it. */
export interface HandlerRequest {
  /** The id of this call: that of its record, and of the answer's header `X-Invocation-Id`. */
  readonly id: string;
  readonly method: string;
  /** What follows the function's name in the address, as it was sent; at least `/`. */
  readonly path: string;
  /** The absolute address, of the host that the client named. */
  readonly url: string;
  /** The host and port that the client named. */
  readonly host: string;
  /** The client's IP address. */
  readonly ip: string;
  /** The part of the public path before `path`, such as `/hello`; empty when a host name names the function. */
  readonly basePath: string;
  /** The decoded query; a key that is repeated has an array. */
  readonly query: Record<string, string | string[]>;
  /** Keys in Title-Case, found in any case. Repeated headers are joined by `, `; `Set-Cookie` is an array. */
  readonly headers: Record<string, string | string[] | undefined>;
  /** The body as text, UTF-8. */
  readonly body: string;
  /** The body's bytes. */
  readonly rawBody: Uint8Array;
  /** The body as JSON; `null` when there is no body. A body that is no JSON, when nobody catches the error, is answered with 400. */
  json<T = unknown>(): Promise<T>;
  text(): Promise<string>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** What a handler gets to know about its call. */
export interface HandlerContext {
  readonly invocationId: string;
  readonly functionName: string;
  readonly version: number;
  readonly memoryMb: number;
  /** Epoch milliseconds at which the call ends with 504. */
  readonly deadline: number;
  remainingTimeMs(): number;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
}

/** The answer of a handler. */
export interface HandlerAnswer {
  /** Default 200. */
  statusCode?: number;
  headers?: Record<string, string | number | readonly string[]>;
  /**
   * Bytes, a `Blob`, a stream and the like are sent as they are, and so is a string when the answer has a `Content-Type` that is not
   * JSON. Everything else is sent as its JSON: return objects, never `JSON.stringify` of them.
   */
  body?: unknown;
}

type Awaitable<T> = T | Promise<T>;

/** A function of the contract `glambdar`: `export const handler: Handler = async (req, context) => ({ body: … })`. */
export type Handler = (req: HandlerRequest, context: HandlerContext) => Awaitable<HandlerAnswer | Response>;

/** A default export with `fetch`, as Hono, Workers, Deno and Bun have it. */
export interface FetchHandler {
  fetch(
    request: Request,
    env: Record<string, string | undefined>,
    context: HandlerContext & { waitUntil(work: Promise<unknown>): void },
  ): Awaitable<Response>;
}

/** A function of the contract `faas`: `module.exports = (context, cb) => cb(value)`. */
export type FaasFunction = (context: unknown, cb: (value: unknown) => void) => void;

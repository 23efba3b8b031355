/** Owns requests to a server: node:http and no fetch, because fetch costs a short command 30 ms and shows no upload's progress. */
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { CliError, EXIT } from '../cli-error.js';
import { failureOf } from './failure.js';

/** Bodies are written in pieces of this size, so that a progress bar moves. */
const PIECE_BYTES = 64 * 1024;

export interface RequestOptions {
  headers?: OutgoingHttpHeaders;
  body?: Buffer | string;
  /** Called with the bytes of the body that have been handed to the connection so far. */
  onSent?: (bytes: number) => void;
  signal?: AbortSignal;
}

/** An answer, read to its end. */
export interface Reply {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

export class Client {
  /** Without a slash at its end. */
  readonly url: string;
  readonly #token: string | null;
  readonly #namespace: string | null;

  /**
   * @param token sent with every request, null for none
   * @param namespace that requests act in, null for one's own
   */
  constructor(url: string, token: string | null, namespace: string | null = null) {
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
    this.#namespace = namespace;
  }

  /** Sends a request. @returns its answer, whatever the status, with the body still to be read. Throws CliError when no server answers. */
  async open(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    const { headers = {}, body, onSent, signal } = options;
    const url = new URL(this.url + path);
    const start = url.protocol === 'https:' ? (await import('node:https')).request : httpRequest;
    const content = typeof body === 'string' ? Buffer.from(body) : body;
    return new Promise((resolve, reject) => {
      const sent = start(url, {
        method,
        headers: {
          ...(this.#token !== null && { Authorization: `Bearer ${this.#token}` }),
          ...(this.#namespace !== null && { 'X-Glambdar-Namespace': this.#namespace }),
          ...(content && { 'Content-Length': content.length }),
          ...headers,
        },
        ...(signal && { signal }),
      });
      let answered = false;
      sent.once('response', (response) => {
        answered = true;
        resolve(response);
      });
      sent.on('error', (error: NodeJS.ErrnoException) => {
        if (!answered) reject(signal?.aborted ? error : unreachable(this.url, error));
      });
      sendBody(sent, content, onSent).catch(reject);
    });
  }

  /** Sends a request. @returns the answer, whatever its status */
  async exchange(method: string, path: string, options: RequestOptions = {}): Promise<Reply> {
    const response = await this.open(method, path, options);
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: await readAll(response, this.url),
    };
  }

  /** Sends a request. @returns the JSON of a successful answer, undefined for an empty one. Throws CliError for every other one. */
  async json<T>(method: string, path: string, value?: unknown): Promise<T> {
    const reply = await this.exchange(method, path, {
      headers: {
        Accept: 'application/json',
        ...(value !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(value !== undefined && { body: JSON.stringify(value) }),
    });
    if (reply.status >= 300) throw failureOf(reply.status, reply.body);
    if (reply.body.length === 0) return undefined as T;
    try {
      return JSON.parse(reply.body.toString('utf8')) as T;
    } catch {
      throw new CliError(`${this.url} answered with something other than JSON; is it a Glambdar server?`);
    }
  }
}

/** Reads the body to its end. Throws CliError when the connection is cut. */
export async function readAll(response: IncomingMessage, url: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of response) pieces.push(piece as Buffer);
  } catch {
    throw new CliError(`${url} cut the connection in the middle of its answer; try again.`, EXIT.unreachable);
  }
  return Buffer.concat(pieces);
}

async function sendBody(
  sent: ReturnType<typeof httpRequest>,
  content: Buffer | undefined,
  onSent: ((bytes: number) => void) | undefined,
): Promise<void> {
  if (content === undefined || onSent === undefined) {
    sent.end(content);
    return;
  }
  for (let at = 0; at < content.length && !sent.destroyed; at += PIECE_BYTES) {
    const piece = content.subarray(at, at + PIECE_BYTES);
    await new Promise<void>((resolve) => {
      sent.write(piece, () => resolve());
      sent.once('close', resolve);
    });
    sent.removeAllListeners('close');
    onSent(at + piece.length);
  }
  sent.end();
}

function unreachable(url: string, error: NodeJS.ErrnoException): CliError {
  const reason =
    error.code === 'ECONNREFUSED' || error.code === undefined ? '' : ` (${error.code.toLowerCase()})`;
  return new CliError(
    `No server answers at ${url}${reason}. Start one with \`glambdar start\`, or name another with --server or GLAMBDAR_URL.`,
    EXIT.unreachable,
  );
}

/** Owns asking a Docker daemon over its HTTP API, as far as `doctor` needs it. The server's own driver is not for commands. */
import { request } from 'node:http';

const TIMEOUT_MS = 30_000;

/** Whatever answers at the place of the daemon does not speak as one. */
export class NoDaemonError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NoDaemonError';
  }
}

export interface EngineReply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

export class Engine {
  /** The URL it is reached at. */
  readonly url: string;
  readonly #where: { socketPath: string } | { host: string; port: number } | null;

  /** @param url `unix://…` or `tcp://host:port`; requests to any other reject */
  constructor(url: string) {
    this.url = url;
    const [, socketPath] = /^unix:\/\/(\/.+)$/.exec(url) ?? [];
    const [, host, port] = /^tcp:\/\/([^:/]+):(\d+)\/?$/.exec(url) ?? [];
    if (socketPath !== undefined) this.#where = { socketPath };
    else if (host !== undefined) this.#where = { host, port: Number(port) };
    else this.#where = null;
  }

  /**
   * One request. @returns the answer, whatever its status. Rejects when nothing answers, and with NoDaemonError when what answers
   * does not speak HTTP, or when there can be no daemon at such a URL.
   */
  send(method: string, path: string, value?: unknown): Promise<EngineReply> {
    return new Promise((resolve, reject) => {
      if (this.#where === null) throw new NoDaemonError('is no address of a Docker daemon');
      const body = value === undefined ? undefined : JSON.stringify(value);
      const sent = request(
        {
          ...this.#where,
          method,
          path,
          timeout: TIMEOUT_MS,
          headers: {
            Host: 'docker',
            ...(body !== undefined && {
              'Content-Type': 'application/json',
              'Content-Length': Buffer.byteLength(body),
            }),
          },
        },
        (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.once('error', reject);
          response.once('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(pieces),
            }),
          );
        },
      );
      sent.once('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`)));
      // The parser of HTTP names its errors HPE_…
      sent.once('error', (error: NodeJS.ErrnoException) =>
        reject(error.code?.startsWith('HPE_') ? new NoDaemonError('does not speak HTTP') : error),
      );
      sent.end(body);
    });
  }

  /** JSON of a successful answer. Rejects with the daemon's sentence otherwise, and as `send` does. */
  async json<T>(method: string, path: string, value?: unknown): Promise<T> {
    const { status, body } = await this.send(method, path, value);
    const text = body.toString('utf8');
    if (status >= 300) {
      const message = messageIn(text);
      throw message === null ? new NoDaemonError(`answers with status ${status}`) : new Error(message);
    }
    if (text === '') return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new NoDaemonError('answers with something other than JSON');
    }
  }
}

function messageIn(text: string): string | null {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? null;
  } catch {
    return null;
  }
}

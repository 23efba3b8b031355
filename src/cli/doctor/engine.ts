/** Owns asking a Docker daemon over its HTTP API, as far as `doctor` needs it. The server's own driver is not for commands. */
import { request } from 'node:http';
import { CliError } from '../cli-error.js';

const TIMEOUT_MS = 30_000;

export interface EngineReply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

export class Engine {
  /** The URL it is reached at. */
  readonly url: string;
  readonly #where: { socketPath: string } | { host: string; port: number };

  /** @param url `unix://…` or `tcp://host:port`. Throws CliError for any other */
  constructor(url: string) {
    this.url = url;
    const [, socketPath] = /^unix:\/\/(\/.+)$/.exec(url) ?? [];
    const [, host, port] = /^tcp:\/\/([^:/]+):(\d+)\/?$/.exec(url) ?? [];
    if (socketPath !== undefined) this.#where = { socketPath };
    else if (host !== undefined) this.#where = { host, port: Number(port) };
    else
      throw new CliError(
        `"${url}" is no Docker daemon; write unix:///var/run/docker.sock or tcp://host:port.`,
      );
  }

  /** One request. @returns the answer, whatever its status. Rejects when the daemon does not answer. */
  send(method: string, path: string, value?: unknown): Promise<EngineReply> {
    return new Promise((resolve, reject) => {
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
      sent.once('error', reject);
      sent.end(body);
    });
  }

  /** JSON of a successful answer. Rejects with the daemon's sentence otherwise. */
  async json<T>(method: string, path: string, value?: unknown): Promise<T> {
    const { status, body } = await this.send(method, path, value);
    const text = body.toString('utf8');
    if (status >= 300) throw new Error(messageIn(text) ?? `status ${status}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}

function messageIn(text: string): string | null {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? null;
  } catch {
    return null;
  }
}

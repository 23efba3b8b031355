/** Owns the first frame of an install's result: how npm ended. All bytes come from the container and are not trusted. */
import { Transform, type TransformCallback } from 'node:stream';
import { GlambdarError } from '../errors.js';

const MAX_HEADER_BYTES = 256 * 1024;

/** Takes the first frame out of the stream, and hands on the rest as it comes. Fails with INSTALL_FAILED when it is no such frame. */
export class ResultHeader extends Transform {
  /** How npm ended, once the frame is there. */
  outcome: { code: number; log: string } | undefined;
  #begun: Buffer = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.outcome !== undefined) return done(null, chunk);
    this.#begun = Buffer.concat([this.#begun, chunk]);
    if (this.#begun.length < 4) return done();
    const length = this.#begun.readUInt32BE();
    if (length > MAX_HEADER_BYTES) return done(broken());
    if (this.#begun.length < 4 + length) return done();
    try {
      this.outcome = parse(this.#begun.subarray(4, 4 + length));
    } catch (cause) {
      return done(broken(cause));
    }
    const rest = this.#begun.subarray(4 + length);
    this.#begun = Buffer.alloc(0);
    done(null, rest);
  }
}

function parse(json: Buffer): { code: number; log: string } {
  const value = JSON.parse(json.toString('utf8')) as { exitCode?: unknown; log?: unknown } | null;
  if (!Number.isInteger(value?.exitCode) || typeof value?.log !== 'string')
    throw new Error('exitCode and log are expected');
  return { code: value.exitCode as number, log: value.log };
}

/** Our own program sends no such frame: a script that runs beside it has. */
function broken(cause?: unknown): GlambdarError {
  const message =
    'The result of the install is broken: a script of a dependency has interfered. Leave the dependency out, or deploy without installScripts.';
  return new GlambdarError('INSTALL_FAILED', message, { cause });
}

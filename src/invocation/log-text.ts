/** Owns the text of one call's two output streams as it is kept: capped, with a note of what was cut. */
import type { ContainerOutput, LogSink } from '../pool/lease.js';

/** Per stream, as README "HTTP API" has it. */
export const MAX_STREAM_BYTES = 256 * 1024;

const EARLIER_CUT = Buffer.from('[earlier output was cut]\n');

type StreamName = 'stdout' | 'stderr';

/** What is kept of one stream. Made with the first output: most calls print nothing. */
interface Kept {
  chunks: Buffer[];
  bytes: number;
  cut: number;
}

export class LogText {
  #stdout: Kept | null = null;
  #stderr: Kept | null = null;

  /** Takes console output as it comes. */
  readonly sink: LogSink = (stream, text) => {
    const kept = this.#kept(stream);
    const room = Math.max(0, MAX_STREAM_BYTES - kept.bytes);
    const part = text.length > room ? text.subarray(0, room) : text;
    // A copy: the text is a view into a read buffer that would be kept alive as a whole.
    if (part.length > 0) kept.chunks.push(Buffer.from(part));
    kept.bytes += part.length;
    kept.cut += text.length - part.length;
  };

  /** The worker did not send everything. */
  addCut(cut: { stdout: number; stderr: number }): void {
    if (cut.stdout > 0) this.#kept('stdout').cut += cut.stdout;
    if (cut.stderr > 0) this.#kept('stderr').cut += cut.stderr;
  }

  /**
   * What the container wrote past the console comes after what came through it. Of too much, the driver keeps the end.
   * False when there was nothing.
   */
  addOutput(output: ContainerOutput): boolean {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (output[stream] === '') continue;
      const text = Buffer.from(output[stream]);
      // It cuts between characters, so up to three bytes of its limit may be missing.
      const cut = text.length > MAX_STREAM_BYTES - 4;
      this.sink(stream, cut ? Buffer.concat([EARLIER_CUT, text.subarray(EARLIER_CUT.length)]) : text);
    }
    return output.stdout !== '' || output.stderr !== '';
  }

  text(stream: StreamName): string {
    const kept = stream === 'stdout' ? this.#stdout : this.#stderr;
    if (kept === null) return '';
    const text = Buffer.concat(kept.chunks).toString('utf8');
    return kept.cut === 0 ? text : `${text}\n[${kept.cut} more bytes were cut]`;
  }

  #kept(stream: StreamName): Kept {
    const fresh = (): Kept => ({ chunks: [], bytes: 0, cut: 0 });
    return stream === 'stdout' ? (this.#stdout ??= fresh()) : (this.#stderr ??= fresh());
  }
}

/** Owns the text of one call's two output streams as it is kept: capped, with a note of what was cut. */
import type { ContainerOutput, LogSink } from '../pool/lease.js';

/** Per stream, as README "HTTP API" has it. */
export const MAX_STREAM_BYTES = 256 * 1024;

const EARLIER_CUT = Buffer.from('[earlier output was cut]\n');

type StreamName = 'stdout' | 'stderr';

export class LogText {
  #chunks: Record<StreamName, Buffer[]> = { stdout: [], stderr: [] };
  #bytes = { stdout: 0, stderr: 0 };
  #cut = { stdout: 0, stderr: 0 };

  /** Takes console output as it comes. */
  readonly sink: LogSink = (stream, text) => {
    const room = Math.max(0, MAX_STREAM_BYTES - this.#bytes[stream]);
    const part = text.length > room ? text.subarray(0, room) : text;
    // A copy: the text is a view into a read buffer that would be kept alive as a whole.
    if (part.length > 0) this.#chunks[stream].push(Buffer.from(part));
    this.#bytes[stream] += part.length;
    this.#cut[stream] += text.length - part.length;
  };

  /** The worker did not send everything. */
  addCut(cut: { stdout: number; stderr: number }): void {
    this.#cut.stdout += cut.stdout;
    this.#cut.stderr += cut.stderr;
  }

  /** What the container wrote past the console comes after what came through it. Of too much, the driver keeps the end. */
  addOutput(output: ContainerOutput): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      const text = Buffer.from(output[stream]);
      // It cuts between characters, so up to three bytes of its limit may be missing.
      const cut = text.length > MAX_STREAM_BYTES - 4;
      this.sink(stream, cut ? Buffer.concat([EARLIER_CUT, text.subarray(EARLIER_CUT.length)]) : text);
    }
  }

  text(stream: StreamName): string {
    const kept = Buffer.concat(this.#chunks[stream]).toString('utf8');
    const cut = this.#cut[stream];
    return cut === 0 ? kept : `${kept}\n[${cut} more bytes were cut]`;
  }
}

/** Owns the kept text of one call's two output streams: capped, with a note of how much was cut, and without secret values. */
import { StringDecoder } from 'node:string_decoder';
import type { ContainerOutput } from '../model/call/container-end.js';
import type { LogSink } from '../model/call/execution.js';
import { JoinedBytes } from '../model/call/joined-bytes.js';
import { NO_REDACTION, type Redaction } from '../model/call/redaction.js';

/** Bytes kept of each stream, as docs/api.md says. */
export const MAX_STREAM_BYTES = 256 * 1024;

/** Bytes decoded at a time where the text may become longer than its bytes. */
const DECODED_AT_ONCE = 1024;

const EARLIER_CUT = Buffer.from('[earlier output was cut]\n');

type StreamName = 'stdout' | 'stderr';

/** The kept part of one stream, made with the first output: most calls print nothing. */
interface Kept {
  joined: JoinedBytes;
  cut: number;
}

export class LogText {
  #stdout: Kept | null = null;
  #stderr: Kept | null = null;

  /** Takes console output as it comes. */
  readonly sink: LogSink = (stream, text) => {
    const kept = this.#kept(stream);
    kept.cut += kept.joined.add(text);
  };

  /** Counts bytes that the worker did not send because the call had printed too much. */
  addCut(cut: { stdout: number; stderr: number }): void {
    if (cut.stdout > 0) this.#kept('stdout').cut += cut.stdout;
    if (cut.stderr > 0) this.#kept('stderr').cut += cut.stderr;
  }

  /**
   * Adds output that the container wrote past the console, behind the console's output. Of too much output the driver has
   * kept the end. Returns false when there was no such output.
   */
  addOutput(output: ContainerOutput, { longestBytes }: Redaction = NO_REDACTION): boolean {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (output[stream] === '') continue;
      const text = Buffer.from(output[stream]);
      // The driver cuts between characters, so up to three bytes of its limit may be missing.
      if (text.length > MAX_STREAM_BYTES - 4) {
        this.sink(stream, EARLIER_CUT);
        // The end that the driver has kept may begin in the middle of a secret value.
        const from = Math.max(EARLIER_CUT.length, longestBytes);
        this.sink(stream, text.subarray(characterFrom(text, from)));
      } else this.sink(stream, text);
    }
    return output.stdout !== '' || output.stderr !== '';
  }

  /** The text so far, without the values that the redaction takes out, which are replaced by something perhaps longer. */
  text(stream: StreamName, redaction: Redaction = NO_REDACTION): string {
    const kept = stream === 'stdout' ? this.#stdout : this.#stderr;
    if (kept === null) return '';
    const { bytes } = kept.joined;
    const { text, used } = decoded(kept.cut === 0 ? bytes : bytes.subarray(0, wholeCharacters(bytes)));
    const shown = redaction.redact(text, kept.cut + bytes.length - used > 0);
    const fitting = shown === text ? text : withinLimit(shown);
    const cut = kept.cut + bytes.length - used + Buffer.byteLength(shown) - Buffer.byteLength(fitting);
    return cut === 0 ? fitting : `${fitting}\n[${cut} more bytes were cut]`;
  }

  #kept(stream: StreamName): Kept {
    const fresh = (): Kept => ({ joined: new JoinedBytes(MAX_STREAM_BYTES), cut: 0 });
    return stream === 'stdout' ? (this.#stdout ??= fresh()) : (this.#stderr ??= fresh());
  }
}

/** Decodes within the limit: bytes that are not UTF-8 become up to three times as long. `used`: number of bytes the text is made of. */
function decoded(bytes: Buffer): { text: string; used: number } {
  const whole = bytes.toString('utf8');
  if (Buffer.byteLength(whole) <= MAX_STREAM_BYTES) return { text: whole, used: bytes.length };
  const decoder = new StringDecoder('utf8');
  let text = '';
  let room = MAX_STREAM_BYTES;
  for (let used = 0; used < bytes.length; used += DECODED_AT_ONCE) {
    const more = decoder.write(bytes.subarray(used, used + DECODED_AT_ONCE));
    room -= Buffer.byteLength(more);
    if (room < 0) return { text, used };
    text += more;
  }
  return { text, used: wholeCharacters(bytes) };
}

/** The beginning of a text that fits into the limit. */
function withinLimit(text: string): string {
  if (Buffer.byteLength(text) <= MAX_STREAM_BYTES) return text;
  const bytes = Buffer.from(text).subarray(0, MAX_STREAM_BYTES);
  return bytes.toString('utf8', 0, wholeCharacters(bytes));
}

/** The number of bytes without an incomplete character at the end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if (isContinuation(byte)) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return wanted > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Index of the first whole character at or after `from`. */
function characterFrom(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isContinuation(bytes[at]!)) at++;
  return at;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

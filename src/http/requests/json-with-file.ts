/**
 * Owns reading a JSON object that comes in pieces and whose one member is a whole file in base64: the file is decoded as it
 * comes, and what is left is a small JSON text. So a file of any size takes no memory, and the event loop is never held up.
 */
import { Base64Decoder, Base64Error } from './base64-decoder.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** What an escape sequence in a JSON string stands for, of those that can be in base64. */
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '/': '/' };
/** Stands for every other sequence: no character of base64. */
const NO_BASE64 = '!';

export class JsonWithFile {
  readonly #key: string;
  readonly #decoder = new Base64Decoder();
  readonly #rest: Buffer[] = [];
  #restBytes = 0;
  #state: 'outside' | 'string' | 'escape' | 'file' = 'outside';
  #depth = 0;
  /** The last string at the first level, quotes included, as long as it may be the file's key. */
  #string = '';
  /** Whether the next value is the file's. */
  #isNext = false;
  /** An escape sequence in the file's string that is not whole yet. */
  #sequence = '';
  #filesSeen = 0;
  #fault: Base64Error | undefined;

  /** @param key name of the member with the file, at the first level */
  constructor(key: string) {
    this.#key = JSON.stringify(key);
  }

  /** How often the member was there as a string. */
  get filesSeen(): number {
    return this.#filesSeen;
  }

  /** Bytes of what is left so far. */
  get restBytes(): number {
    return this.#restBytes;
  }

  /** What is left: the text with an empty string in place of the file. */
  rest(): Buffer {
    return Buffer.concat(this.#rest);
  }

  /** Takes a piece of the text. Returns the bytes of the file that it brought. Never throws. */
  push(piece: Buffer): Buffer {
    const decoded: Buffer[] = [];
    let at = 0;
    while (at < piece.length) {
      if (this.#state !== 'file') at = this.#outside(piece, at);
      else {
        const { text, next } = this.#file(piece, at);
        at = next;
        this.#decode(() => decoded.push(this.#decoder.push(text)));
      }
    }
    return decoded.length === 1 ? decoded[0]! : Buffer.concat(decoded);
  }

  /** The last bytes of the file. Throws Base64Error if any piece of it was no base64. */
  end(): Buffer {
    if (this.#fault !== undefined) throw this.#fault;
    return this.#decoder.end();
  }

  /** Notes the first fault and goes on: a text that is no JSON at all is the greater fault, and known only at its end. */
  #decode(work: () => void): void {
    if (this.#fault !== undefined) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof Base64Error)) throw error;
      this.#fault = error;
    }
  }

  /** Reads on until the piece ends or the file's string begins. Returns the position behind what was read. */
  #outside(piece: Buffer, from: number): number {
    let at = from;
    for (; at < piece.length && this.#state !== 'file'; at += 1) this.#byte(piece[at]!);
    this.#rest.push(Buffer.from(piece.subarray(from, at)));
    this.#restBytes += at - from;
    return at;
  }

  #byte(byte: number): void {
    const isTop = this.#depth === 1;
    if (this.#state !== 'outside') {
      if (isTop && this.#string.length <= this.#key.length) this.#string += String.fromCharCode(byte);
      if (this.#state === 'escape') this.#state = 'string';
      else if (byte === BACKSLASH) this.#state = 'escape';
      else if (byte === QUOTE) this.#state = 'outside';
      return;
    }
    switch (byte) {
      case QUOTE:
        if (isTop && this.#isNext) {
          this.#state = 'file';
          this.#filesSeen += 1;
        } else this.#state = 'string';
        this.#string = '"';
        this.#isNext = false;
        break;
      case COLON:
        this.#isNext = isTop && this.#string === this.#key;
        break;
      case 0x7b: // {
      case 0x5b: // [
        this.#depth += 1;
        this.#isNext = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        this.#depth -= 1;
        break;
      case 0x2c: // ,
        this.#string = '';
        this.#isNext = false;
        break;
    }
  }

  /** Reads on in the file's string, until the piece, the string, or a run without escape sequences ends. */
  #file(piece: Buffer, from: number): { text: string; next: number } {
    if (this.#sequence !== '') return this.#escape(piece, from);
    const quote = piece.indexOf(QUOTE, from);
    const stringEnd = quote === -1 ? piece.length : quote;
    let text = '';
    for (let at = from; ;) {
      const run = piece.subarray(at, stringEnd);
      const length = run.indexOf(BACKSLASH);
      if (length === -1) {
        text += run.toString('latin1');
        // The quote that ends the string is a part of what is left.
        if (quote !== -1) this.#leave();
        return { text, next: stringEnd };
      }
      text += run.toString('latin1', 0, length);
      this.#sequence = '\\';
      const escaped = this.#escape(piece, at + length + 1);
      text += escaped.text;
      at = escaped.next;
      // An escaped quote is no base64 and ends nothing; the piece is looked at anew.
      if (at > stringEnd || this.#sequence !== '') return { text, next: at };
    }
  }

  /** Goes on with an escape sequence. */
  #escape(piece: Buffer, from: number): { text: string; next: number } {
    let at = from;
    while (at < piece.length) {
      this.#sequence += String.fromCharCode(piece[at]!);
      at += 1;
      const kind = this.#sequence[1]!;
      if (kind !== 'u') {
        this.#sequence = '';
        return { text: ESCAPES[kind] ?? NO_BASE64, next: at };
      }
      if (this.#sequence.length === 6) {
        const code = parseInt(this.#sequence.slice(2), 16);
        this.#sequence = '';
        return { text: code < 0x80 ? String.fromCharCode(code) : NO_BASE64, next: at };
      }
    }
    return { text: '', next: at };
  }

  #leave(): void {
    this.#state = 'string';
    this.#string = '';
  }
}

/**
 * Owns reading JSON texts (RFC 8259) without building their values: whether the bytes are JSON, and where the members of an
 * object are. What a caller or a function sent can so be passed on as it is: a number keeps its digits, nesting and size
 * cost no memory, and nothing is encoded anew.
 */
import { isUtf8 } from 'node:buffer';

/** Deeper texts are refused: most parsers of those who read the text onwards have a limit of some hundred, too. */
export const MAX_JSON_DEPTH = 512;

/** A part of the bytes. */
export interface Span {
  start: number;
  /** The first byte behind the part. */
  end: number;
}

export interface JsonText {
  /** The value without what stands around it. */
  value: Span;
  /** The wanted members of an object, of repeated ones the last; null when the value is no object. */
  members: ReadonlyMap<string, Span> | null;
}

/** The bytes are no JSON; the message is a clause such as `unexpected "}" at byte 7`. */
export class JsonTextError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonTextError';
  }
}

/** Longer member names than this (as sent) are not compared with wanted ones. */
const MAX_KEY_BYTES = 256;

const OBJECT = 1;
const ARRAY = 2;

const byte = (character: string): number => character.charCodeAt(0);
const QUOTE = byte('"');
const BACKSLASH = byte('\\');
const COMMA = byte(',');
const COLON = byte(':');
const MINUS = byte('-');
const PLUS = byte('+');
const DOT = byte('.');
const ZERO = byte('0');
const NINE = byte('9');
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = ['{', '}', '[', ']'].map(byte) as [
  number,
  number,
  number,
  number,
];
const LITERALS = new Map(['true', 'false', 'null'].map((word) => [byte(word), Buffer.from(word)]));
const SIMPLE_ESCAPES = new Set([...'"\\/bfnrt'].map(byte));
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Reads one JSON text; a byte order mark before it is ignored. Time grows with the number of bytes, memory does not.
 * @param wanted names of the members that are looked for if the text is an object
 * @throws JsonTextError
 */
export function readJsonText(bytes: Buffer, wanted: readonly string[] = []): JsonText {
  if (!isUtf8(bytes)) throw new JsonTextError('it is not UTF-8');
  return new Reader(bytes, wanted).read();
}

class Reader {
  readonly #bytes: Buffer;
  readonly #wanted: ReadonlySet<string>;
  readonly #members = new Map<string, Span>();
  /** The open objects and arrays, outermost first. */
  readonly #open = new Uint8Array(MAX_JSON_DEPTH);
  #depth = 0;
  #at = 0;

  constructor(bytes: Buffer, wanted: readonly string[]) {
    this.#bytes = bytes;
    this.#wanted = new Set(wanted);
  }

  read(): JsonText {
    if (this.#bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK))
      this.#at = BYTE_ORDER_MARK.length;
    this.#skipSpace();
    const start = this.#at;
    const isObject = this.#bytes[start] === OPEN_OBJECT;
    this.#value();
    const end = this.#at;
    this.#skipSpace();
    if (this.#at < this.#bytes.length) this.#unexpected();
    return { value: { start, end }, members: isObject ? this.#members : null };
  }

  /** One value with all that is in it. Not recursive: how deep a text goes is the sender's choice. */
  #value(): void {
    /** Name of the wanted member of the outermost object whose value is being read, and where the value begins. */
    let member: string | undefined;
    let memberStart = 0;
    for (;;) {
      this.#skipSpace();
      // A member's name stands before its value.
      if (this.#depth > 0 && this.#open[this.#depth - 1] === OBJECT) {
        const key = this.#key();
        if (this.#depth === 1) {
          member = key;
          memberStart = this.#at;
        }
      }
      const first = this.#bytes[this.#at];
      if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
        if (this.#enter(first)) continue;
      } else this.#scalar(first);
      // The value is complete, and maybe the objects and arrays that end with it.
      for (;;) {
        if (this.#depth === 1 && member !== undefined) {
          this.#members.set(member, { start: memberStart, end: this.#at });
          member = undefined;
        }
        if (this.#depth === 0) return;
        this.#skipSpace();
        const next = this.#bytes[this.#at];
        const isObject = this.#open[this.#depth - 1] === OBJECT;
        if (next === COMMA) {
          this.#at += 1;
          break;
        }
        if (next !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) this.#unexpected();
        this.#at += 1;
        this.#depth -= 1;
      }
    }
  }

  /** Opens an object or array. Returns whether something stands in it; an empty one is passed over. */
  #enter(first: number): boolean {
    const isObject = first === OPEN_OBJECT;
    this.#at += 1;
    this.#skipSpace();
    if (this.#bytes[this.#at] === (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
      this.#at += 1;
      return false;
    }
    if (this.#depth === MAX_JSON_DEPTH)
      throw new JsonTextError(`it is nested deeper than ${MAX_JSON_DEPTH} levels`);
    this.#open[this.#depth] = isObject ? OBJECT : ARRAY;
    this.#depth += 1;
    return true;
  }

  /** A member's name and the colon. Returns the name if it is wanted. */
  #key(): string | undefined {
    const start = this.#at;
    if (this.#bytes[start] !== QUOTE) this.#unexpected();
    this.#string();
    const end = this.#at;
    this.#skipSpace();
    if (this.#bytes[this.#at] !== COLON) this.#unexpected();
    this.#at += 1;
    this.#skipSpace();
    if (this.#depth > 1 || end - start > MAX_KEY_BYTES) return undefined;
    const name = JSON.parse(this.#bytes.toString('utf8', start, end)) as string;
    return this.#wanted.has(name) ? name : undefined;
  }

  #scalar(first: number | undefined): void {
    if (first === QUOTE) return this.#string();
    const literal = first === undefined ? undefined : LITERALS.get(first);
    if (literal === undefined) return this.#number();
    if (!this.#bytes.subarray(this.#at, this.#at + literal.length).equals(literal)) this.#unexpected();
    this.#at += literal.length;
  }

  #string(): void {
    const bytes = this.#bytes;
    for (this.#at += 1; ; this.#at += 1) {
      const current = bytes[this.#at];
      if (current === QUOTE) break;
      if (current === undefined || current < 0x20) this.#unexpected();
      if (current !== BACKSLASH) continue;
      this.#at += 1;
      const escaped = bytes[this.#at];
      if (escaped === byte('u')) {
        if (!/^[0-9a-f]{4}$/i.test(bytes.toString('latin1', this.#at + 1, this.#at + 5))) this.#unexpected();
        this.#at += 4;
      } else if (escaped === undefined || !SIMPLE_ESCAPES.has(escaped)) this.#unexpected();
    }
    this.#at += 1;
  }

  #number(): void {
    if (this.#bytes[this.#at] === MINUS) this.#at += 1;
    if (this.#bytes[this.#at] === ZERO) this.#at += 1;
    else this.#digits();
    if (this.#bytes[this.#at] === DOT) {
      this.#at += 1;
      this.#digits();
    }
    const exponent = this.#bytes[this.#at];
    if (exponent !== byte('e') && exponent !== byte('E')) return;
    this.#at += 1;
    const sign = this.#bytes[this.#at];
    if (sign === PLUS || sign === MINUS) this.#at += 1;
    this.#digits();
  }

  #digits(): void {
    const start = this.#at;
    for (;;) {
      const digit = this.#bytes[this.#at];
      if (digit === undefined || digit < ZERO || digit > NINE) break;
      this.#at += 1;
    }
    if (this.#at === start) this.#unexpected();
  }

  #skipSpace(): void {
    for (;;) {
      const current = this.#bytes[this.#at];
      if (current !== 0x20 && current !== 0x0a && current !== 0x0d && current !== 0x09) return;
      this.#at += 1;
    }
  }

  #unexpected(): never {
    if (this.#at >= this.#bytes.length) throw new JsonTextError('it ends too early');
    // A character of several bytes is shown whole.
    const [character] = this.#bytes.toString('utf8', this.#at, this.#at + 4);
    throw new JsonTextError(`unexpected ${JSON.stringify(character)} at byte ${this.#at}`);
  }
}

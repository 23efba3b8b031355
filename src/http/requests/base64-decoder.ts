/** Owns decoding base64 that comes in pieces. Line breaks, blanks and tabs between the characters say nothing. */

/** The text is no base64. */
export class Base64Error extends Error {
  constructor() {
    super('no base64');
    this.name = 'Base64Error';
  }
}

export class Base64Decoder {
  /** Characters that do not make three whole bytes yet; no more than three. */
  #rest = '';
  #padding = 0;

  /** Decodes as much as there is. Throws Base64Error. */
  push(text: string): Buffer {
    const match = /^([A-Za-z0-9+/]*)(={0,2})$/.exec(text.replace(/[ \t\r\n]+/g, ''));
    const [, digits, padding] = match ?? [];
    if (digits === undefined || padding === undefined) throw new Base64Error();
    if (this.#padding > 0 && digits !== '') throw new Base64Error();
    this.#padding += padding.length;
    const all = this.#rest + digits;
    const whole = all.length - (all.length % 4);
    this.#rest = all.slice(whole);
    return Buffer.from(all.slice(0, whole), 'base64');
  }

  /** The last bytes; padding may be missing. Throws Base64Error for a text that ends in the middle of a byte. */
  end(): Buffer {
    const isPadded = (this.#rest.length + this.#padding) % 4 === 0 && this.#padding <= 2;
    if (this.#rest.length === 1 || (this.#padding > 0 && !isPadded)) throw new Base64Error();
    return Buffer.from(this.#rest, 'base64');
  }
}

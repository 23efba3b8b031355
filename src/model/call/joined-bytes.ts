/** Owns bytes that come in pieces and are kept: however small the pieces, they take memory by their size. */

const EMPTY = Buffer.alloc(0);

/** Bytes joined as they come, up to a limit. */
export class JoinedBytes {
  readonly #maxBytes: number;
  #memory: Buffer = EMPTY;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What is there; valid until more is added. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#bytes);
  }

  /** Copies it: a piece may be a view into a read buffer. Returns how many bytes found no room. */
  add(piece: Uint8Array): number {
    const room = this.#maxBytes - this.#bytes;
    const part = piece.length > room ? piece.subarray(0, room) : piece;
    const needed = this.#bytes + part.length;
    if (needed > this.#memory.length) {
      // The first piece is often the only one. Later ones double it, so that each byte is copied twice at most.
      const bytes = Math.max(needed, Math.min(2 * this.#memory.length, this.#maxBytes));
      // Of its own: a slice of the common pool would be kept with all of its neighbours.
      const memory = Buffer.allocUnsafeSlow(bytes);
      memory.set(this.bytes);
      this.#memory = memory;
    }
    this.#memory.set(part, this.#bytes);
    this.#bytes = needed;
    return piece.length - part.length;
  }
}

/** Owns keeping bytes that come in pieces: they take little more memory than their size, however small the pieces. */

const EMPTY = Buffer.alloc(0);

/** Bytes joined as they come, up to a limit. */
export class JoinedBytes {
  readonly #maxBytes: number;
  #memory: Buffer = EMPTY;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The bytes so far; valid until more are added. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#bytes);
  }

  /** Adds a copy of a piece, which may be a view into a read buffer. Returns how many bytes found no room. */
  add(piece: Uint8Array): number {
    const room = this.#maxBytes - this.#bytes;
    const part = piece.length > room ? piece.subarray(0, room) : piece;
    const needed = this.#bytes + part.length;
    if (needed > this.#memory.length) {
      // The first piece is often the only one and gets its exact size. Later the memory doubles, so that copying stays linear.
      const bytes = Math.max(needed, Math.min(2 * this.#memory.length, this.#maxBytes));
      // Not from Node's common pool: a kept slice of the pool would keep all of its neighbours in memory.
      const memory = Buffer.allocUnsafeSlow(bytes);
      memory.set(this.bytes);
      this.#memory = memory;
    }
    this.#memory.set(part, this.#bytes);
    this.#bytes = needed;
    return piece.length - part.length;
  }
}

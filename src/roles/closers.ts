/** Owns closing the parts of a server: in reverse order, each whether or not those before it could be closed. */

type Close = () => void | Promise<void>;

export class Closers {
  readonly #closers: Close[] = [];

  add(close: Close): void {
    this.#closers.push(close);
  }

  /** Closes the part that was added last first. Rejects with the first error, when all parts have been closed. */
  async closeAll(): Promise<void> {
    const errors: unknown[] = [];
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

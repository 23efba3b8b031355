/** Owns doing one thing at a time per key, in the order of asking. */
export class KeyedMutex {
  #tails = new Map<string, Promise<unknown>>();

  /** Runs `work` after everything asked for before under this key has settled. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    const tail = mine.catch(() => undefined);
    this.#tails.set(key, tail);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}

/** Owns running one piece of work at a time per key, in the order of the calls. */
export class KeyedMutex {
  #tails = new Map<string, Promise<unknown>>();

  /** The keys under which work runs or waits. */
  keys(): string[] {
    return [...this.#tails.keys()];
  }

  /** Runs `work` after all earlier work under this key has settled. */
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

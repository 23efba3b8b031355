/**
 * Owns which host uid an instance runs under. Several kernel limits (inotify instances, pending signals, queued
 * messages) are counted per uid over all containers, so instances alive at a time never share one.
 */

const RANGE = 20_000;

export class UidAllocator {
  #base: number;
  #used = new Set<number>();
  #next = 0;

  /** @param base first uid of the range; `base … base + 19999` must belong to nobody else on the machine */
  constructor(base: number) {
    this.#base = base;
  }

  /** A uid that no instance uses; the longest unused comes first, so a container whose removal is late shares its uid with none. */
  take(): number {
    for (let tried = 0; tried < RANGE; tried += 1) {
      const uid = this.#base + this.#next;
      this.#next = (this.#next + 1) % RANGE;
      if (this.#used.has(uid)) continue;
      this.#used.add(uid);
      return uid;
    }
    throw new Error(`all ${RANGE} uids are in use`);
  }

  give(uid: number): void {
    this.#used.delete(uid);
  }
}

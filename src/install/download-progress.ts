/** Owns telling the caller of a deploy how much npm has fetched: now and then on the way, and the whole at the end. */
import type { ProxyEntry } from './registry-proxy.js';

/** Between two sentences on the way. */
const PAUSE_MS = 500;

export class DownloadProgress {
  readonly #say: (line: string) => void;
  readonly #now: () => number;
  #count = 0;
  #bytes = 0;
  #saidCount = 0;
  #saidAt = -Infinity;

  /**
   * @param say gets the sentences
   * @param now milliseconds of a clock that only goes forward
   */
  constructor(say: (line: string) => void, now: () => number = () => performance.now()) {
    this.#say = say;
    this.#now = now;
  }

  /** A request has ended. How many will follow is not known: npm finds out on the way. */
  add({ bytes }: Pick<ProxyEntry, 'bytes'>): void {
    this.#count += 1;
    this.#bytes += bytes;
    if (this.#now() - this.#saidAt >= PAUSE_MS) this.#tell();
  }

  /** npm has ended: the last sentence holds everything. May be called twice. */
  end(): void {
    if (this.#count > this.#saidCount) this.#tell();
  }

  #tell(): void {
    this.#saidAt = this.#now();
    this.#saidCount = this.#count;
    const files = this.#count === 1 ? '1 file' : `${this.#count} files`;
    this.#say(`Fetched ${files} of packages, ${(this.#bytes / 2 ** 20).toFixed(1)} MiB.`);
  }
}

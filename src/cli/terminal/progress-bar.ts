/** Owns the bar that shows how much of an upload is sent. It appears on a terminal only. */

const WIDTH = 24;
/** Drawing more often than this shows nothing more. */
const PAUSE_MS = 50;

export class ProgressBar {
  readonly #label: string;
  readonly #total: number;
  readonly #stream: NodeJS.WriteStream;
  #drawnAt = 0;
  #isDrawn = false;

  /** @param total in bytes */
  constructor(label: string, total: number, stream: NodeJS.WriteStream = process.stderr) {
    this.#label = label;
    this.#total = total;
    this.#stream = stream;
  }

  /** @param bytes sent from the beginning; a form around what is sent may make them more than the total */
  update(bytes: number): void {
    const sent = Math.min(bytes, this.#total);
    if (this.#stream.isTTY !== true) return;
    const now = performance.now();
    if (sent < this.#total && now - this.#drawnAt < PAUSE_MS) return;
    this.#drawnAt = now;
    this.#isDrawn = true;
    const filled = this.#total === 0 ? WIDTH : Math.round((WIDTH * sent) / this.#total);
    const bar = '#'.repeat(filled) + '.'.repeat(WIDTH - filled);
    this.#stream.write(`\r${this.#label} [${bar}] ${sizeText(sent)} of ${sizeText(this.#total)}\u001b[K`);
  }

  /** Ends the line. May be called twice. */
  end(): void {
    if (this.#isDrawn) this.#stream.write('\n');
    this.#isDrawn = false;
  }
}

/** A size as people write it, such as `1.2 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'];
  let value = bytes / 1_000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}

/** Owns the one stream of container events of this boot: reads it, and reconnects when it is cut. */
import type { Engine } from './engine.js';
import { jsonLines } from './json-lines.js';
import { labels } from '../container-options.js';

/** A container of this boot ended, or the kernel killed something in it for memory. */
export type ContainerEvent =
  { type: 'die'; id: string; exitCode: number | null } | { type: 'oom'; id: string };

export interface DockerEventsOptions {
  engine: Pick<Engine, 'events'>;
  bootId: string;
  onEvent: (event: ContainerEvent) => void;
  /** The stream has begun; events before that moment were missed. */
  onConnected: () => void;
  /** The stream was cut or could not be had. */
  onLost: () => void;
}

interface EngineEvent {
  Action?: string;
  Actor?: { Attributes?: Record<string, string> };
}

const backOff = { firstMs: 50, mostMs: 1_000 };

/** Watches from `open` to `close`. */
export class DockerEvents {
  readonly #options: DockerEventsOptions;
  readonly #closing = new AbortController();
  #stream: { destroy(): void } | undefined;
  #wake: () => void = () => undefined;

  constructor(options: DockerEventsOptions) {
    this.#options = options;
  }

  open(): void {
    void this.#watch();
  }

  /** Reconnects at once: the daemon is back. */
  retry(): void {
    this.#wake();
  }

  close(): void {
    this.#closing.abort();
    this.#wake();
    this.#stream?.destroy();
  }

  async #watch(): Promise<void> {
    let delayMs = backOff.firstMs;
    while (!this.#closing.signal.aborted) {
      try {
        await this.#read(() => (delayMs = backOff.firstMs));
      } catch {
        // A stream that was cut, refused or garbled is treated alike; DockerHealth learns the reason.
      }
      if (this.#closing.signal.aborted) return;
      this.#options.onLost();
      await this.#pause(delayMs);
      delayMs = Math.min(delayMs * 2, backOff.mostMs);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #read(connected: () => void): Promise<void> {
    const stream = await this.#options.engine.events({
      type: ['container'],
      event: ['die', 'oom'],
      label: [`${labels.boot}=${this.#options.bootId}`],
    });
    this.#stream = stream;
    if (this.#closing.signal.aborted) return stream.destroy();
    connected();
    this.#options.onConnected();
    for await (const event of jsonLines<EngineEvent>(stream)) {
      const id = event.Actor?.Attributes?.[labels.instance];
      if (id === undefined) continue;
      if (event.Action === 'oom') this.#options.onEvent({ type: 'oom', id });
      if (event.Action === 'die') {
        const exitCode = Number(event.Actor?.Attributes?.['exitCode'] ?? NaN);
        this.#options.onEvent({
          type: 'die',
          id,
          exitCode: Number.isInteger(exitCode) ? exitCode : null,
        });
      }
    }
  }
}

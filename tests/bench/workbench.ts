/**
 * Owns what measurements share: the raw engine, servers (one is kept while the next measurement wants the same
 * settings), the clock, and the ending of everything, also of what a given-up measurement has begun.
 */
import { join } from 'node:path';
import { RawEngine } from './raw-engine.js';
import { ServerUnderTest } from './server-under-test.js';

const ENTRY = join(import.meta.dirname, '../../dist/src/main.js');

export interface WorkbenchOptions {
  /** Shorter, for trying things out. */
  quick: boolean;
  /** Names of settings the build under test does not know. */
  omit: string[];
  /** Fresh containers per second, when it shall not be measured. */
  rate: number | null;
  /** performance.now() at which the last measurement must have ended. */
  deadline: number;
}

/** Settings of a server that keeps nothing in stock: every call is cold. */
export const NOTHING_IDLE = { GLAMBDAR_STANDBY: '0', GLAMBDAR_MEMORY_BUDGET_MB: '0' };

/** Empty containers in stock where a measurement needs to know how many. */
export const STANDBY = 4;
export const STOCKED = { GLAMBDAR_STANDBY: String(STANDBY) };

export class Workbench {
  readonly engine: RawEngine;
  readonly options: WorkbenchOptions;
  /** Fresh containers per second through the server; null until measured. */
  rate: number | null;
  /** Median of a single call that finds its code loaded, milliseconds; null until measured. */
  loadedMs: number | null = null;
  #server: { server: ServerUnderTest; key: string } | null = null;
  /** Starts and stops of servers, one after the other. */
  #changes: Promise<unknown> = Promise.resolve();

  private constructor(engine: RawEngine, options: WorkbenchOptions) {
    this.engine = engine;
    this.options = options;
    this.rate = options.rate;
  }

  static async open(options: WorkbenchOptions): Promise<Workbench> {
    return new Workbench(await RawEngine.open(), options);
  }

  secondsLeft(): number {
    return Math.max(0, (this.options.deadline - performance.now()) / 1000);
  }

  /** A server with these settings: the one that is there when it has the same, else a new one in its place. */
  server(settings: Record<string, string>, signal: AbortSignal): Promise<ServerUnderTest> {
    const known = Object.entries(settings).filter(([name]) => !this.options.omit.includes(name));
    const key = JSON.stringify(known);
    return this.#change(async () => {
      signal.throwIfAborted();
      if (this.#server?.key === key) return this.#server.server;
      await this.#stop();
      const server = await ServerUnderTest.start({
        entry: ENTRY,
        settings: Object.fromEntries(known),
        engine: this.engine,
      });
      this.#server = { server, key };
      return server;
    });
  }

  /** @returns how many containers the server left; 0 when there was none */
  stopServer(): Promise<number> {
    return this.#change(() => this.#stop());
  }

  /** Ends everything that was started. */
  async close(): Promise<void> {
    await this.stopServer().finally(() => this.engine.close());
  }

  async #stop(): Promise<number> {
    const running = this.#server;
    this.#server = null;
    return running === null ? 0 : running.server.stop();
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    const changed = this.#changes.then(work);
    this.#changes = changed.catch(() => undefined);
    return changed;
  }
}

/** One measurement's turn at the workbench. */
export class Turn {
  readonly bench: Workbench;
  readonly #end = new AbortController();
  #closers: (() => void | Promise<unknown>)[] = [];

  constructor(bench: Workbench) {
    this.bench = bench;
  }

  /** Aborted when the turn is over. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  get engine(): RawEngine {
    return this.bench.engine;
  }

  /** The full run's number, or the quick one's. */
  pick(full: number, quick: number): number {
    return this.bench.options.quick ? quick : full;
  }

  server(settings: Record<string, string> = {}): Promise<ServerUnderTest> {
    return this.bench.server(settings, this.signal);
  }

  /** To be done when the turn is over, however it went; the last one first. */
  atEnd(close: () => void | Promise<unknown>): void {
    this.#closers.push(close);
  }

  /** @param failed the server it used is not used again */
  async end(failed: boolean): Promise<void> {
    this.#end.abort(new Error('the measurement was given up'));
    for (const close of this.#closers.splice(0).reverse())
      await Promise.resolve()
        .then(close)
        .catch((error: unknown) => (failed ? undefined : console.error('while cleaning up:', error)));
    if (failed) await this.bench.stopServer();
  }
}

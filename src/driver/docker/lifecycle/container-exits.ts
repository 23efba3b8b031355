/** Owns which instances are alive for this driver, and how those that ended did. What is forgotten leaves nothing behind. */
import type { ExitState } from '../../driver.js';

type Listener = (exit: ExitState) => void;

interface Tracked {
  started: boolean;
  exit: ExitState | undefined;
  /** An `oom` event came; the `die` event follows, or does not when only a child was killed. */
  oomSeen: boolean;
  listeners: Set<Listener>;
  /** Called when it is forgotten: nobody will ever know how it ended. */
  waiters: Set<() => void>;
}

/** Live instances by id. */
export class ContainerExits {
  readonly #tracked = new Map<string, Tracked>();

  /** From now on, until `forget`, exits of this instance are remembered. */
  track(id: string): void {
    this.#tracked.set(id, {
      started: false,
      exit: undefined,
      oomSeen: false,
      listeners: new Set(),
      waiters: new Set(),
    });
  }

  forget(id: string): void {
    const tracked = this.#tracked.get(id);
    this.#tracked.delete(id);
    for (const waiter of tracked?.waiters ?? []) waiter();
  }

  /** Forgets all. */
  clear(): void {
    for (const id of this.#tracked.keys()) this.forget(id);
  }

  has(id: string): boolean {
    return this.#tracked.has(id);
  }

  /** Its container exists and was told to start. */
  started(id: string): void {
    const tracked = this.#tracked.get(id);
    if (tracked) tracked.started = true;
  }

  /** Started and not known to have ended. */
  runs(id: string): boolean {
    const tracked = this.#tracked.get(id);
    return tracked !== undefined && tracked.started && tracked.exit === undefined;
  }

  /** Known to have ended. */
  hasEnded(id: string): boolean {
    return this.#tracked.get(id)?.exit !== undefined;
  }

  /** All that run. */
  running(): string[] {
    return [...this.#tracked]
      .filter(([, tracked]) => tracked.started && tracked.exit === undefined)
      .map(([id]) => id);
  }

  noteOom(id: string): void {
    const tracked = this.#tracked.get(id);
    if (tracked) tracked.oomSeen = true;
  }

  /** The first report wins. */
  record(id: string, exit: ExitState): void {
    const tracked = this.#tracked.get(id);
    if (tracked === undefined || tracked.exit !== undefined) return;
    tracked.exit = { exitCode: exit.exitCode, oomKilled: exit.oomKilled || tracked.oomSeen };
    for (const listener of tracked.listeners) listener(tracked.exit);
    tracked.listeners.clear();
  }

  /** Calls back once, later, also when it has ended already. An unknown instance never calls back. */
  onExit(id: string, listener: Listener): () => void {
    const tracked = this.#tracked.get(id);
    if (tracked === undefined) return () => undefined;
    let wanted = true;
    const once: Listener = (exit) => {
      if (wanted) listener(exit);
      wanted = false;
    };
    if (tracked.exit !== undefined) queueMicrotask(once.bind(undefined, tracked.exit));
    else tracked.listeners.add(once);
    return () => {
      wanted = false;
      tracked.listeners.delete(once);
    };
  }

  /** Undefined when it still runs after `waitMs`, or is forgotten before. */
  wait(id: string, waitMs: number): Promise<ExitState | undefined> {
    const tracked = this.#tracked.get(id);
    if (tracked === undefined || tracked.exit !== undefined) return Promise.resolve(tracked?.exit);
    return new Promise((resolve) => {
      const settle = (exit?: ExitState): void => {
        clearTimeout(timer);
        tracked.listeners.delete(settle);
        tracked.waiters.delete(settle);
        resolve(exit);
      };
      const timer = setTimeout(settle, waitMs);
      tracked.listeners.add(settle);
      tracked.waiters.add(settle);
    });
  }
}

/** Owns which containers are alive for this driver, and the ends of those that have ended. A forgotten container leaves nothing behind. */
import type { ExitState } from '../../driver.js';

type Listener = (exit: ExitState) => void;

interface Tracked {
  started: boolean;
  exit: ExitState | undefined;
  /** An `oom` event came; the `die` event follows, or does not when only a child was killed. */
  oomSeen: boolean;
  oomListeners: Set<() => void>;
  listeners: Set<Listener>;
  /** Called when the container is forgotten: its end will never be known. */
  waiters: Set<() => void>;
}

/** Live containers by id. */
export class ContainerExits {
  readonly #tracked = new Map<string, Tracked>();
  /** Listeners to containers that are not tracked yet. */
  readonly #early = new Map<string, Set<Listener>>();

  /** From now on, until `forget`, the exit of this container is remembered. */
  track(id: string): void {
    this.#tracked.set(id, {
      started: false,
      exit: undefined,
      oomSeen: false,
      oomListeners: new Set(),
      listeners: this.#early.get(id) ?? new Set(),
      waiters: new Set(),
    });
    this.#early.delete(id);
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

  /** The container exists and was told to start. */
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

  /** Ids of all that were started and are not known to have ended. */
  running(): string[] {
    return [...this.#tracked]
      .filter(([, tracked]) => tracked.started && tracked.exit === undefined)
      .map(([id]) => id);
  }

  noteOom(id: string): void {
    const tracked = this.#tracked.get(id);
    if (tracked === undefined) return;
    tracked.oomSeen = true;
    for (const listener of tracked.oomListeners) listener();
  }

  /** Resolves when an `oom` event has come, at once when it came before; else after `waitMs`, or when the container is forgotten. */
  oomNoted(id: string, waitMs: number): Promise<void> {
    const tracked = this.#tracked.get(id);
    if (tracked === undefined || tracked.oomSeen) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        tracked.oomListeners.delete(settle);
        tracked.waiters.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, waitMs);
      tracked.oomListeners.add(settle);
      tracked.waiters.add(settle);
    });
  }

  /** The first report wins. */
  record(id: string, exit: ExitState): void {
    const tracked = this.#tracked.get(id);
    if (tracked === undefined || tracked.exit !== undefined) return;
    tracked.exit = { exitCode: exit.exitCode, oomKilled: exit.oomKilled || tracked.oomSeen };
    for (const listener of tracked.listeners) listener(tracked.exit);
    tracked.listeners.clear();
  }

  /**
   * Calls back once, never before it returns, also when the container has ended already. For one that is not tracked it does
   * when the container is tracked later, and ends. Whoever listens to a container that may never be tracked stops listening.
   */
  onExit(id: string, listener: Listener): () => void {
    const tracked = this.#tracked.get(id);
    let wanted = true;
    const once: Listener = (exit) => {
      if (wanted) listener(exit);
      wanted = false;
    };
    if (tracked?.exit !== undefined) {
      queueMicrotask(once.bind(undefined, tracked.exit));
      return () => void (wanted = false);
    }
    const listeners = tracked?.listeners ?? this.#early.get(id) ?? new Set();
    if (tracked === undefined) this.#early.set(id, listeners);
    listeners.add(once);
    return () => {
      wanted = false;
      listeners.delete(once);
      if (listeners.size === 0 && this.#early.get(id) === listeners) this.#early.delete(id);
    };
  }

  /** Undefined when the container still runs after `waitMs`, or is forgotten before. */
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

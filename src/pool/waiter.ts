/** Owns one request that waits for an instance: its clock, its deadline, its tree, its settling. */
import { rm } from 'node:fs/promises';
import type { Profile } from '../driver/driver.js';
import type { WithRoom } from './instance.js';
import type { LoadMessage } from '../ipc/worker-connection.js';

/** A function's code as the pool needs it. */
export interface Code {
  /** Equal exactly for the same version of the same function with the same settings. */
  key: string;
  /** Makes a tree of the function's files at `target` (which does not exist, on the file system of the slots). */
  prepareTree(target: string): Promise<void>;
  load: Omit<LoadMessage, 'type' | 'id'>;
}

export interface PoolRequest {
  profile: Profile;
  code: Code;
  /** Isolation "function": an instance that was called before may be used, and is kept after this call. */
  reuse: boolean;
  /** Goes before all others and is never refused for want of room: an overloaded server must take better code. */
  first?: boolean;
  signal: AbortSignal;
}

/** Where the time went before a call could be sent, in milliseconds. */
export interface AcquireTimes {
  queueMs: number;
  startMs: number;
  loadMs: number;
}

export interface WaiterOptions {
  request: PoolRequest;
  profileKey: string;
  /** Where its tree is prepared; does not exist yet. */
  treeDir: string;
  withRoom: WithRoom;
  queueTimeoutMs: number;
  /** The error when that has passed. */
  late: () => Error;
  onGone: () => void;
}

export class Waiter<T> {
  readonly request: PoolRequest;
  readonly profileKey: string;
  readonly promise: Promise<T>;
  readonly arrivedAt = performance.now();
  /** Called when it ends of its own: its deadline has passed, or its caller has gone. */
  onGone: () => void;
  /** When a start was begun for it; null while none was. */
  startBegunAt: number | null = null;
  /** Starts that failed while it was the next to be served. */
  failedStarts = 0;
  #settled = false;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #treeDir: string;
  #withRoom: WithRoom;
  #tree: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #onAbort = (): void => this.#leave(this.request.signal.reason);

  constructor({ request, profileKey, treeDir, withRoom, queueTimeoutMs, late, onGone }: WaiterOptions) {
    this.request = request;
    this.profileKey = profileKey;
    this.onGone = onGone;
    this.#treeDir = treeDir;
    this.#withRoom = withRoom;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    request.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#timer = setTimeout(() => this.#leave(late()), queueTimeoutMs);
  }

  /** Begins to prepare the tree, once: while a container starts there is time for it. Resolves with its path. */
  async tree(): Promise<string> {
    this.#tree ??= this.#withRoom(() => this.request.code.prepareTree(this.#treeDir));
    await this.#tree;
    return this.#treeDir;
  }

  /** It has got an instance: the deadline no longer applies, the outcome is still open. */
  stopWaiting(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  resolve(value: T): boolean {
    if (this.#settled) return false;
    this.#settle();
    this.#resolve(value);
    return true;
  }

  reject(error: unknown): void {
    if (this.#settled) return;
    this.#settle();
    this.#reject(error);
  }

  #leave(error: unknown): void {
    this.reject(error);
    this.onGone();
  }

  #settle(): void {
    this.#settled = true;
    this.stopWaiting();
    this.request.signal.removeEventListener('abort', this.#onAbort);
    // After a load the tree lies in the slot; otherwise it is in nobody's way but ours.
    if (this.#tree)
      void this.#tree
        .catch(() => undefined)
        .then(() => rm(this.#treeDir, { recursive: true, force: true }).catch(() => undefined));
  }
}

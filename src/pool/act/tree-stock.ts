/**
 * Owns the prepared trees: copies of functions' files that are one rename away from a slot. A tree comes back when its
 * container is gone. The container could not write to the tree, so the tree is used again: thousands of files are not
 * linked anew for every container.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WithRoom } from '../../instance/worker-start.js';
import type { Code } from '../workload.js';

/** The most trees kept in all; beyond that a tree of the code whose last tree came back longest ago is removed. */
const MOST_TREES = 256;
/** The most trees kept of one version. */
const MOST_PER_CODE = 16;
/**
 * Trees are removed so long after they were given up: a deploy gives up those of the version before it, and removing thousands
 * of files costs its answer a fifth of its time.
 */
const REMOVE_AFTER_MS = 250;

export class TreeStock {
  readonly #runDir: string;
  readonly #withRoom: WithRoom;
  /** Paths of unused trees, by code key; the code whose tree came back last is last in the map. */
  readonly #spare = new Map<string, string[]>();
  readonly #wanted = new Set<string>();
  readonly #removals = new Set<Promise<void>>();
  readonly #closed = new AbortController();
  /** Trees being made ahead of their use, by code key. */
  readonly #making = new Map<string, Promise<void>>();
  #count = 0;

  constructor(runDir: string, withRoom: WithRoom) {
    this.#runDir = runDir;
    this.#withRoom = withRoom;
    // Each tree that waits for its removal listens.
    setMaxListeners(0, this.#closed.signal);
  }

  /** Keeps trees of this code from now on, until `drop`. */
  want(codeKey: string): void {
    this.#wanted.add(codeKey);
  }

  /** Removes the trees of this code; those in use are removed when they come back. */
  drop(codeKey: string): void {
    this.#wanted.delete(codeKey);
    const dirs = this.#spare.get(codeKey) ?? [];
    this.#spare.delete(codeKey);
    this.#count -= dirs.length;
    for (const dir of dirs) this.#remove(dir);
  }

  /** Removes all trees, and from now on those that come back. Resolves when the present trees are gone. */
  async close(): Promise<void> {
    this.#closed.abort();
    for (const codeKey of new Set([...this.#wanted, ...this.#spare.keys()])) this.drop(codeKey);
    await Promise.allSettled(this.#making.values());
    await Promise.all(this.#removals);
  }

  /** How many trees of this code are at hand. */
  spare(codeKey: string): number {
    return this.#spare.get(codeKey)?.length ?? 0;
  }

  /** Resolves with the path of a tree that now belongs to the caller. Rejects as `Code.prepareTree` does, leaving no tree. */
  async take(code: Code): Promise<string> {
    const dirs = this.#spare.get(code.key);
    while (dirs !== undefined && dirs.length > 0) {
      const ready = dirs.pop()!;
      if (dirs.length === 0) this.#spare.delete(code.key);
      this.#count -= 1;
      if (!existsSync(ready)) continue; // a cleaner of temporary files may have taken it
      try {
        await code.verifyTree();
      } catch (error) {
        this.#remove(ready);
        throw error;
      }
      return ready;
    }
    const dir = this.#path();
    await this.#withRoom(() => code.prepareTree(dir));
    return dir;
  }

  /** Makes a tree ahead of its use, unless one is at hand or on its way. Rejects like `take`. */
  prepare(code: Code): Promise<void> {
    if (this.spare(code.key) > 0) return Promise.resolve();
    let making = this.#making.get(code.key);
    if (making === undefined) {
      making = this.take(code)
        .then((dir) => this.giveBack(code.key, dir))
        .finally(() => this.#making.delete(code.key));
      this.#making.set(code.key, making);
    }
    return making;
  }

  /** Takes a tree that nobody uses any more: it is kept, or removed in the background. `dir` may have vanished. */
  giveBack(codeKey: string, dir: string): void {
    if (!this.#wanted.has(codeKey) || this.spare(codeKey) >= MOST_PER_CODE) return this.#remove(dir);
    const kept = this.#path();
    try {
      renameSync(dir, kept);
    } catch {
      return; // no tree was ever moved to `dir`
    }
    const dirs = this.#spare.get(codeKey) ?? [];
    this.#spare.delete(codeKey);
    this.#spare.set(codeKey, [...dirs, kept]);
    this.#count += 1;
    if (this.#count > MOST_TREES) this.#dropOldest();
  }

  #dropOldest(): void {
    const [codeKey, dirs] = this.#spare.entries().next().value!;
    const dir = dirs.shift()!;
    if (dirs.length === 0) this.#spare.delete(codeKey);
    this.#count -= 1;
    this.#remove(dir);
  }

  #path(): string {
    return join(this.#runDir, `tree-${randomBytes(8).toString('hex')}`);
  }

  #remove(dir: string): void {
    const removal = sleep(REMOVE_AFTER_MS, undefined, { signal: this.#closed.signal })
      .catch(() => undefined)
      .then(() => rm(dir, { recursive: true, force: true }))
      .catch(() => undefined)
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }
}

/**
 * Owns the prepared trees: copies of functions' files that are one rename away from a slot. A tree comes back when its
 * container is gone: nobody could write to it there, so it is as good as new, and a function with thousands of files is
 * not linked again and again.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { WithRoom } from '../../instance/worker-start.js';
import type { Code } from './workload.js';

/** Trees kept in all; beyond them those that were put aside first go. */
const MOST_TREES = 256;
/** Trees kept of one version. */
const MOST_PER_CODE = 16;

export class TreeStock {
  readonly #runDir: string;
  readonly #withRoom: WithRoom;
  /** By code key, in order of the last return. */
  readonly #spare = new Map<string, string[]>();
  readonly #wanted = new Set<string>();
  readonly #removals = new Set<Promise<void>>();
  /** Trees that are being made ahead, by code key. */
  readonly #making = new Map<string, Promise<void>>();
  #count = 0;

  constructor(runDir: string, withRoom: WithRoom) {
    this.#runDir = runDir;
    this.#withRoom = withRoom;
  }

  /** From now on trees of this code are worth keeping. */
  want(codeKey: string): void {
    this.#wanted.add(codeKey);
  }

  /** Trees of this code go, those in use when they come back. */
  drop(codeKey: string): void {
    this.#wanted.delete(codeKey);
    const dirs = this.#spare.get(codeKey) ?? [];
    this.#spare.delete(codeKey);
    this.#count -= dirs.length;
    for (const dir of dirs) this.#remove(dir);
  }

  /** All go, those that come back later too. Resolves when those that were there are gone. */
  async close(): Promise<void> {
    for (const codeKey of new Set([...this.#wanted, ...this.#spare.keys()])) this.drop(codeKey);
    await Promise.allSettled(this.#making.values());
    await Promise.all(this.#removals);
  }

  /** How many of this code are there. */
  spare(codeKey: string): number {
    return this.#spare.get(codeKey)?.length ?? 0;
  }

  /** Path of a tree that is the caller's from now on. Rejects with what preparing one rejects with; nothing is left then. */
  async take(code: Code): Promise<string> {
    const dirs = this.#spare.get(code.key);
    while (dirs !== undefined && dirs.length > 0) {
      const ready = dirs.pop()!;
      if (dirs.length === 0) this.#spare.delete(code.key);
      this.#count -= 1;
      if (existsSync(ready)) return ready; // a cleaner of temporary files may have taken it
    }
    const dir = this.#path();
    await this.#withRoom(() => code.prepareTree(dir));
    return dir;
  }

  /** Makes one ahead, if none is there or on its way. Rejects like `take`. */
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

  /** A tree that nobody uses any more: kept, or removed behind the caller's back. `dir` may have vanished. */
  giveBack(codeKey: string, dir: string): void {
    if (!this.#wanted.has(codeKey) || this.spare(codeKey) >= MOST_PER_CODE) return this.#remove(dir);
    const kept = this.#path();
    try {
      renameSync(dir, kept);
    } catch {
      return; // it never came to lie there
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
    const removal = rm(dir, { recursive: true, force: true })
      .catch(() => undefined)
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }
}

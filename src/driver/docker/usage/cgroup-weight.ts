/**
 * Owns how much the group of all instances weighs against the rest of the machine. The kernel gives a group the weight of one
 * task, however many containers and cores there are; beside starts, which are dozens of tasks of the daemon and the runtime,
 * a worker that is called then waits tens of milliseconds for a core. A task's weight for each core is what containers can use.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A group may be removed while it is empty, and made again with the default. */
const LOOK_MS = 10_000;

export interface CgroupWeightOptions {
  /** As the daemon is told it; null: there is none. */
  parent: () => string | null;
  cores: number;
  /** Where cgroups are mounted. */
  root?: string | undefined;
}

/** Of one driver. */
export class CgroupWeight {
  readonly #options: CgroupWeightOptions;
  #lookedAt = -Infinity;

  constructor(options: CgroupWeightOptions) {
    this.#options = options;
  }

  /** A container has started, so the group is there. Never rejects: without the right to it calls are slower beside starts. */
  async started(now: number): Promise<void> {
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    const { parent, cores, root = '/sys/fs/cgroup' } = this.#options;
    const group = parent();
    if (group === null) return;
    // Version 1, and 2.
    await raise(join(root, 'cpu', group, 'cpu.shares'), 1024, Math.min(262_144, 1024 * cores));
    await raise(join(root, group, 'cpu.weight'), 100, Math.min(10_000, 100 * cores));
  }
}

/** Any other value than the kernel's default is the operator's. */
async function raise(path: string, fallback: number, weight: number): Promise<void> {
  try {
    if (Number(await readFile(path, 'utf8')) === fallback)
      await writeFile(path, String(weight), { flag: 'r+' });
  } catch {
    // Not this version, or not ours to change.
  }
}

/**
 * Owns how much the group of all containers weighs against the rest of the machine. The kernel gives a group the weight of one
 * task, however many containers and cores there are; beside starts, which are dozens of tasks of the daemon and the runtime,
 * a container with work then waits tens of milliseconds for a core. Containers can use as many cores as there are, so their
 * group gets the weight of as many tasks.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A group may be removed while it is empty, and made again with the default. */
const LOOK_MS = 10_000;

export interface CgroupWeightOptions {
  /** The group as the daemon is told; null: there is none. */
  parent: () => string | null;
  cores: number;
  /** Where cgroups are mounted. */
  root?: string | undefined;
}

/** The weight of one driver's group. */
export class CgroupWeight {
  readonly #options: CgroupWeightOptions;
  #lookedAt = -Infinity;

  constructor(options: CgroupWeightOptions) {
    this.#options = options;
  }

  /** To be called after a start, when the group exists. Never rejects: without the right to raise the weight, containers are slower beside starts. */
  async started(now: number): Promise<void> {
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    const { parent, cores, root = '/sys/fs/cgroup' } = this.#options;
    const group = parent();
    if (group === null) return;
    // cgroup v1, then v2; only one of the files is there.
    await raise(join(root, 'cpu', group, 'cpu.shares'), 1024, Math.min(262_144, 1024 * cores));
    await raise(join(root, group, 'cpu.weight'), 100, Math.min(10_000, 100 * cores));
  }
}

/** Raises the weight unless the operator has set another value than the kernel's default. */
async function raise(path: string, fallback: number, weight: number): Promise<void> {
  try {
    if (Number(await readFile(path, 'utf8')) === fallback)
      await writeFile(path, String(weight), { flag: 'r+' });
  } catch {
    // The file is of the other cgroup version, or this process may not change it.
  }
}

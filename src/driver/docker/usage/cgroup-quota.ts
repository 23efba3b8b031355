/**
 * Owns changing how much CPU time a running container may take. Writing to its group takes 0.1 ms and asks nobody; where the
 * groups cannot be seen or written, the daemon does it, which takes 20 ms and a process of its runtime.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { containerName, CPU_PERIOD_US } from '../container-options.js';
import type { Engine } from '../engine/engine.js';

export interface CgroupQuotaOptions {
  engine: Pick<Engine, 'updateContainer'>;
  /** Rejects at once when the daemon goes away; see `DockerHealth`. */
  whileAvailable: <T>(work: () => Promise<T>) => Promise<T>;
  /** The group of all containers, as the daemon is told it; null: there is none. */
  parent: () => string | null;
  /** The daemon's own id of a container that has been started. */
  dockerIdOf: (id: string) => string | undefined;
  /** Where cgroups are mounted. */
  root?: string | undefined;
}

/** Quotas of one driver's containers. */
export class CgroupQuota {
  readonly #options: CgroupQuotaOptions;

  constructor(options: CgroupQuotaOptions) {
    this.#options = options;
  }

  /** See `Driver.setCpus`. */
  async set(id: string, cpus: number): Promise<void> {
    const quotaUs = Math.round(cpus * CPU_PERIOD_US);
    for (const [file, text] of this.#files(id, quotaUs)) if (await written(file, text)) return;
    const { engine, whileAvailable } = this.#options;
    const change = { CpuPeriod: CPU_PERIOD_US, CpuQuota: quotaUs };
    await whileAvailable(() => engine.updateContainer(containerName(id), change));
  }

  /** Where the quota may be, and how it is written there: cgroup v1, then v2, by the two drivers that daemons have. */
  #files(id: string, quotaUs: number): [file: string, text: string][] {
    const { parent, dockerIdOf, root = '/sys/fs/cgroup' } = this.#options;
    const group = parent();
    const dockerId = dockerIdOf(id);
    if (group === null || dockerId === undefined) return [];
    const own = group.endsWith('.slice') ? `docker-${dockerId}.scope` : dockerId;
    return [
      [join(root, 'cpu', group, own, 'cpu.cfs_quota_us'), String(quotaUs)],
      [join(root, group, own, 'cpu.max'), `${quotaUs} ${CPU_PERIOD_US}`],
    ];
  }
}

/** Whether the file was there and took the text. A file is not made. */
async function written(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}

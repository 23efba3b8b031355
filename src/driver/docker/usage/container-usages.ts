/** Owns what instances take in memory and CPU time: from /proc where it tells, else from the daemon's figures of their groups. */
import { containerName } from '../container-options.js';
import { DriverError, type ContainerUsage } from '../../driver.js';
import type { ContainerStats, Engine } from '../engine/engine.js';
import { procUsage } from './proc-usage.js';

export interface ContainerUsagesOptions {
  engine: Pick<Engine, 'containerStats'>;
  /** Rejects at once when the daemon goes away; see `DockerHealth`. */
  whileAvailable: <T>(work: () => Promise<T>) => Promise<T>;
  /** Where the processes of this machine are listed; by default `/proc`. */
  procRoot?: string | undefined;
}

/** Requests for figures at the daemon at once. They cost it little, but Docker 20.10 answers each at its next full second only. */
const atOnce = 16;

/** Measures when asked; keeps nothing. */
export class ContainerUsages {
  readonly #options: ContainerUsagesOptions;

  constructor(options: ContainerUsagesOptions) {
    this.#options = options;
  }

  /** By instance id; see `Driver.usage`. */
  async measure(instances: readonly { id: string; uid: number }[]): Promise<Map<string, ContainerUsage>> {
    const { procRoot = '/proc', whileAvailable } = this.#options;
    const usage = await procUsage(procRoot, instances);
    const untold = instances.filter(({ id }) => !usage.has(id));
    if (untold.length > 0) await whileAvailable(() => this.#ask(untold, usage));
    return usage;
  }

  async #ask(instances: { id: string }[], usage: Map<string, ContainerUsage>): Promise<void> {
    const next = instances.values();
    const work = async (): Promise<void> => {
      for (const { id } of next) {
        const measured = await this.#askFor(id);
        if (measured !== undefined) usage.set(id, measured);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, instances.length) }, work));
  }

  async #askFor(id: string): Promise<ContainerUsage | undefined> {
    try {
      return usageOf(await this.#options.engine.containerStats(containerName(id)));
    } catch (error) {
      if (error instanceof DriverError && error.kind === 'unavailable') throw error;
      return undefined; // this one is gone, most likely
    }
  }
}

/** Undefined for a container that does not run. */
function usageOf({ memory_stats: memory, cpu_stats: cpu }: ContainerStats): ContainerUsage | undefined {
  if (memory?.usage === undefined) return undefined;
  // Files that were read and can be dropped at any time; the first name is of cgroup v1.
  const droppable = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0;
  const cpuNs = cpu?.cpu_usage?.total_usage;
  return {
    memoryBytes: Math.max(0, memory.usage - droppable),
    cpuMs: cpuNs === undefined ? null : Math.round(cpuNs / 1e6),
  };
}

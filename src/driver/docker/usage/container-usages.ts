/** Owns the measuring of containers' memory and CPU time: in /proc where possible, else by the daemon's figures of their cgroups. */
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

/** Requests for figures at a time. They cost the daemon little, but Docker 20.10 answers each at its next full second only. */
const atOnce = 16;

/** Measures when asked; keeps nothing. */
export class ContainerUsages {
  readonly #options: ContainerUsagesOptions;

  constructor(options: ContainerUsagesOptions) {
    this.#options = options;
  }

  /** By id; see `Driver.usage`. */
  async measure(containers: readonly { id: string; uid: number }[]): Promise<Map<string, ContainerUsage>> {
    const { procRoot = '/proc', whileAvailable } = this.#options;
    const usage = await procUsage(procRoot, containers);
    const untold = containers.filter(({ id }) => !usage.has(id));
    if (untold.length > 0) await whileAvailable(() => this.#ask(untold, usage));
    return usage;
  }

  async #ask(containers: { id: string }[], usage: Map<string, ContainerUsage>): Promise<void> {
    const next = containers.values();
    const work = async (): Promise<void> => {
      for (const { id } of next) {
        const measured = await this.#askFor(id);
        if (measured !== undefined) usage.set(id, measured);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, containers.length) }, work));
  }

  async #askFor(id: string): Promise<ContainerUsage | undefined> {
    try {
      return usageOf(await this.#options.engine.containerStats(containerName(id)));
    } catch (error) {
      if (error instanceof DriverError && error.kind === 'unavailable') throw error;
      return undefined; // most likely the container is gone
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

/**
 * Owns what containers wrote past the worker's console. Almost none writes anything, and asking the daemon for nothing costs
 * it 4 ms of CPU and us 1.4: so where its log files can be seen, an empty one is answered without asking.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { containerName } from '../container-options.js';
import type { ContainerOutput } from '../../driver.js';
import type { Engine } from '../engine/engine.js';
import { demuxOutput } from './output-demux.js';

export interface ContainerOutputsOptions {
  engine: Pick<Engine, 'containerLogs'>;
  /** Rejects at once when the daemon goes away; see `DockerHealth`. */
  whileAvailable: <T>(work: () => Promise<T>) => Promise<T>;
  /** The daemon's own directory, if it says; it need not be on this machine. */
  rootDir: () => string | null;
}

/** Output of the containers that were started and not forgotten, without asking where possible. */
export class ContainerOutputs {
  readonly #options: ContainerOutputsOptions;
  readonly #dockerIds = new Map<string, string>();

  constructor(options: ContainerOutputsOptions) {
    this.#options = options;
  }

  started(id: string, dockerId: string): void {
    this.#dockerIds.set(id, dockerId);
  }

  forget(id: string): void {
    this.#dockerIds.delete(id);
  }

  /** Forgets all. */
  clear(): void {
    this.#dockerIds.clear();
  }

  /**
   * The end of each stream. Rejects with `DriverError`.
   * @param ended whether the container is known to have ended: only then do its log files tell all
   */
  async read(id: string, maxBytes: number, ended: boolean): Promise<ContainerOutput> {
    if (ended && this.#wroteNothing(id)) return { stdout: '', stderr: '' };
    const logs = () => this.#options.engine.containerLogs(containerName(id));
    return demuxOutput(await this.#options.whileAvailable(logs), maxBytes);
  }

  /**
   * The daemon writes whole lines as they come and the rest at the end, and tells of the end after that. The file's place is
   * that of the log driver `local`: elsewhere there is none, and who does not see it has to ask.
   */
  #wroteNothing(id: string): boolean {
    const dockerId = this.#dockerIds.get(id);
    const rootDir = this.#options.rootDir();
    if (dockerId === undefined || rootDir === null) return false;
    const log = join(rootDir, 'containers', dockerId, 'local-logs', 'container.log');
    // An empty file may be the successor of a full one, which then is called `.1`.
    return sizeOf(log) === 0 && sizeOf(`${log}.1`) === undefined;
  }
}

/** Synchronous on purpose: 10 µs. Undefined when it is not there, or not for us to see. */
function sizeOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size;
  } catch {
    return undefined;
  }
}

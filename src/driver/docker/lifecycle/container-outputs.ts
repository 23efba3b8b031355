/**
 * Owns reading what containers wrote to stdout and stderr. Most of them write nothing, and a request for that costs the daemon
 * 4 ms of CPU and this server 1.4: where the daemon's log files can be seen, an empty one spares the request.
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

/** Output of the containers that were started and not forgotten. */
export class ContainerOutputs {
  readonly #options: ContainerOutputsOptions;
  readonly #dockerIds = new Map<string, string>();

  constructor(options: ContainerOutputsOptions) {
    this.#options = options;
  }

  started(id: string, dockerId: string): void {
    this.#dockerIds.set(id, dockerId);
  }

  /** The daemon's own id of a container that was started and not forgotten. */
  dockerIdOf(id: string): string | undefined {
    return this.#dockerIds.get(id);
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
   * @param ended whether the container is known to have ended: only then are its log files complete
   */
  async read(id: string, maxBytes: number, ended: boolean): Promise<ContainerOutput> {
    if (ended && this.#wroteNothing(id)) return { stdout: '', stderr: '' };
    const logs = () => this.#options.engine.containerLogs(containerName(id));
    return demuxOutput(await this.#options.whileAvailable(logs), maxBytes);
  }

  /**
   * The daemon writes whole lines as they come and the rest at the container's end, which it reports after that. The path is
   * that of the log driver `local`; where no such file can be seen, the daemon has to be asked.
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

/** Synchronous on purpose: 10 µs. Undefined when the file is not there or may not be looked at. */
function sizeOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size;
  } catch {
    return undefined;
  }
}

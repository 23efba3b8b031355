/**
 * Owns the order of removals: few at the daemon at once, the others wait, urgent ones first. dockerd removes about as many
 * containers a second whether it is asked for two or for twenty at once; the twenty only take the time from starts.
 */
import { containerName } from './container-spec.js';
import type { DriverError } from './driver.js';
import type { Engine } from './engine.js';

export interface ContainerRemovalsOptions {
  engine: Pick<Engine, 'removeContainer' | 'killContainer'>;
  /** Rejects at once when the daemon goes away; see `DockerHealth`. */
  whileAvailable: <T>(work: () => Promise<T>) => Promise<T>;
  /** How many may be at the daemon at a time. */
  atOnce: number;
}

interface Removal {
  name: string;
  urgent: boolean;
  begin: () => void;
  reject: (error: DriverError) => void;
}

/** All removals of one driver that somebody waits for. */
export class ContainerRemovals {
  readonly #options: ContainerRemovalsOptions;
  /** By instance id, until the caller is told. */
  readonly #asked = new Map<string, { removal: Removal; done: Promise<void> }>();
  /** In order; sets, because one is taken out when its caller no longer waits. */
  readonly #urgent = new Set<Removal>();
  readonly #ordinary = new Set<Removal>();
  readonly #atDaemon = new Set<Promise<void>>();

  constructor(options: ContainerRemovalsOptions) {
    this.#options = options;
  }

  /** Whether a removal of this instance was asked for and is not over: it is not the reaper's yet. */
  has(instanceId: string): boolean {
    return this.#asked.has(instanceId);
  }

  /** One asked for twice is done once. Rejects with `DriverError`; the container is then the reaper's. */
  remove(instanceId: string, urgent: boolean): Promise<void> {
    let asked = this.#asked.get(instanceId);
    if (asked === undefined) {
      const removal = this.#create(containerName(instanceId), urgent);
      const done = this.#options
        .whileAvailable(() => this.#enter(removal))
        .finally(() => {
          this.#forget(removal);
          this.#asked.delete(instanceId);
        });
      asked = { removal, done };
      this.#asked.set(instanceId, asked);
    } else if (urgent && this.#ordinary.delete(asked.removal)) {
      asked.removal.urgent = true;
      this.#urgent.add(asked.removal);
    }
    // No slot was free: what must not run any longer is ended now, and removed in its turn.
    if (urgent && this.#urgent.has(asked.removal))
      void this.#options.engine.killContainer(asked.removal.name).catch(() => undefined);
    return asked.done;
  }

  /** In its turn too; for a container whose instance nobody waits for. Rejects with `DriverError`. */
  removeNamed(name: string): Promise<void> {
    return this.#enter(this.#create(name, false));
  }

  /** Rejects what waits for its turn; what is at the daemon goes on. */
  rejectWaiting(error: DriverError): void {
    for (const removal of [...this.#urgent, ...this.#ordinary]) {
      this.#forget(removal);
      removal.reject(error);
    }
  }

  /** Resolves when nothing is at the daemon. */
  async settled(): Promise<void> {
    while (this.#atDaemon.size > 0) await Promise.allSettled(this.#atDaemon);
  }

  #create(name: string, urgent: boolean): Removal {
    return { name, urgent, begin: () => undefined, reject: () => undefined };
  }

  #enter(removal: Removal): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      removal.reject = reject;
      removal.begin = () => {
        const call = this.#options.engine.removeContainer(removal.name).finally(() => {
          this.#atDaemon.delete(call);
          this.#next();
        });
        this.#atDaemon.add(call);
        call.then(resolve, reject);
      };
    });
    (removal.urgent ? this.#urgent : this.#ordinary).add(removal);
    this.#next();
    return done;
  }

  #next(): void {
    while (this.#atDaemon.size < this.#options.atOnce) {
      const [removal] = this.#urgent.size > 0 ? this.#urgent : this.#ordinary;
      if (removal === undefined) return;
      this.#forget(removal);
      removal.begin();
    }
  }

  #forget(removal: Removal): void {
    this.#urgent.delete(removal);
    this.#ordinary.delete(removal);
  }
}

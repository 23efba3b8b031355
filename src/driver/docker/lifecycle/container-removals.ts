/**
 * Owns the order of removals: few at the daemon at once, the others wait, urgent ones first. dockerd removes about as many
 * containers a second whether it is asked for two or for twenty at once; the twenty only take the time from starts.
 *
 * A container that has ended is removed with an eighth less work of the daemon than one it must kill first (93 against 105 ms
 * of CPU for a whole life), because a kill is a process of its own. So a worker, whose connection has been closed, gets a
 * moment to end by itself.
 */
import { containerName } from '../container-options.js';
import type { DriverError } from '../../driver.js';
import type { Engine } from '../engine/engine.js';

export interface ContainerRemovalsOptions {
  engine: Pick<Engine, 'removeContainer' | 'killContainer'>;
  /** Rejects at once when the daemon goes away; see `DockerHealth`. */
  whileAvailable: <T>(work: () => Promise<T>) => Promise<T>;
  /** How many may be at the daemon at a time. */
  atOnce: number;
  /** Whether half of that will do, where nothing is urgent. */
  gently: () => boolean;
  /** For how long a running container may end by itself before it is killed, in ms. It takes about 30 ms, under load 120. */
  graceMs: number;
  /** For how long the end of one that was killed is waited for before it is read: a busy daemon has not seen it yet. */
  lateMs: number;
}

/** For each that may be at the daemon so many may wait before it is in a hurry: they hold memory and places. */
const PATIENCE = 4;

export interface RemovalRequest {
  urgent: boolean;
  /** Whether its end is still to come, and `ended` will be called for it. */
  runs: boolean;
  /**
   * Done when its turn has come and it has ended; it is killed if it must be. `ended` is false when its end was not heard
   * of in time. Never rejects.
   */
  before?: (ended: boolean) => Promise<void>;
}

interface Removal {
  name: string;
  urgent: boolean;
  /** Its container is known to have ended. */
  ended: boolean;
  /** The daemon was told to kill it. */
  killed: boolean;
  /** Until then its container may end by itself. */
  grace?: NodeJS.Timeout;
  /** Its end need not be waited for any longer. */
  wake?: () => void;
  before: RemovalRequest['before'];
  begin: () => void;
  reject: (error: DriverError) => void;
  /** Of the call to the daemon, or `reject`. */
  done: Promise<void>;
}

/** All removals of one driver that somebody waits for. */
export class ContainerRemovals {
  readonly #options: ContainerRemovalsOptions;
  /** By instance id, until the caller is told. */
  readonly #asked = new Map<string, { removal: Removal; told: Promise<void> }>();
  /** Not in any turn yet. */
  readonly #ending = new Set<Removal>();
  /** In order; sets, because one is taken out when its caller no longer waits. */
  readonly #urgent = new Set<Removal>();
  readonly #ordinary = new Set<Removal>();
  readonly #atDaemon = new Set<Promise<void>>();

  constructor(options: ContainerRemovalsOptions) {
    this.#options = options;
  }

  /** Whether a removal of this instance was asked for and is not over: it is not the reaper's yet. */
  has(id: string): boolean {
    return this.#asked.has(id);
  }

  /**
   * One asked for twice is done once. Rejects with `DriverError`; the container is then the reaper's.
   */
  remove(id: string, { urgent, runs, before }: RemovalRequest): Promise<void> {
    let asked = this.#asked.get(id);
    if (asked === undefined) {
      const removal = this.#create(containerName(id), { urgent, ended: !runs, before });
      const told = this.#options
        .whileAvailable(() => {
          if (runs && !urgent) this.#giveGrace(removal);
          else this.#enter(removal);
          return removal.done;
        })
        .finally(() => {
          this.#forget(removal);
          this.#asked.delete(id);
        });
      asked = { removal, told };
      this.#asked.set(id, asked);
    } else if (urgent && this.#waits(asked.removal)) {
      asked.removal.urgent = true;
      this.#enter(asked.removal);
    }
    // No turn was free: what must not run any longer is ended now, and removed later.
    if (urgent && this.#urgent.has(asked.removal)) void this.#kill(asked.removal);
    return asked.told;
  }

  /** The container of this instance has ended. */
  ended(id: string): void {
    const removal = this.#asked.get(id)?.removal;
    if (removal === undefined) return;
    removal.ended = true;
    removal.wake?.();
    if (this.#ending.has(removal)) this.#enter(removal);
  }

  /** In its turn too; for a container whose instance nobody waits for. Rejects with `DriverError`. */
  removeNamed(name: string): Promise<void> {
    const removal = this.#create(name, { urgent: false, ended: false, before: undefined });
    this.#enter(removal);
    return removal.done;
  }

  /** Rejects what waits; what is at the daemon goes on. */
  rejectWaiting(error: DriverError): void {
    for (const removal of [...this.#ending, ...this.#urgent, ...this.#ordinary]) {
      this.#forget(removal);
      removal.reject(error);
    }
    for (const { removal } of this.#asked.values()) removal.wake?.();
  }

  /** Resolves when nothing is at the daemon. */
  async settled(): Promise<void> {
    while (this.#atDaemon.size > 0) await Promise.allSettled(this.#atDaemon);
  }

  #create(name: string, { urgent, ended, before }: Pick<Removal, 'urgent' | 'ended' | 'before'>): Removal {
    let resolve!: () => void;
    let reject!: (error: unknown) => void;
    const done = new Promise<void>((...settle) => ([resolve, reject] = settle));
    const begin = (): void => {
      const call = this.#remove(removal).finally(() => {
        this.#atDaemon.delete(call);
        this.#next();
      });
      this.#atDaemon.add(call);
      call.then(resolve, reject);
    };
    const removal: Removal = { name, urgent, ended, before, killed: false, begin, reject, done };
    return removal;
  }

  async #remove(removal: Removal): Promise<void> {
    if (removal.before !== undefined) {
      // The daemon does so itself when it removes; here something is whole only after the end.
      if (!removal.ended) await this.#end(removal);
      await removal.before(removal.ended);
    }
    await this.#options.engine.removeContainer(removal.name);
  }

  async #end(removal: Removal): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      removal.wake = resolve;
      late = setTimeout(resolve, this.#options.lateMs);
    });
    void this.#kill(removal);
    await over;
    clearTimeout(late);
  }

  async #kill(removal: Removal): Promise<void> {
    if (removal.killed) return;
    removal.killed = true;
    await this.#options.engine.killContainer(removal.name).catch(() => undefined);
  }

  #giveGrace(removal: Removal): void {
    this.#ending.add(removal);
    removal.grace = setTimeout(() => this.#enter(removal), this.#options.graceMs);
  }

  #enter(removal: Removal): void {
    this.#forget(removal);
    (removal.urgent ? this.#urgent : this.#ordinary).add(removal);
    this.#next();
  }

  #next(): void {
    for (;;) {
      const [removal] = this.#urgent.size > 0 ? this.#urgent : this.#ordinary;
      if (removal === undefined || this.#atDaemon.size >= this.#mostAtOnce()) return;
      this.#forget(removal);
      removal.begin();
    }
  }

  #mostAtOnce(): number {
    const { atOnce, gently } = this.#options;
    const hurry = this.#urgent.size > 0 || this.#ordinary.size > PATIENCE * atOnce;
    return hurry || !gently() ? atOnce : Math.ceil(atOnce / 2);
  }

  #waits(removal: Removal): boolean {
    return this.#ending.has(removal) || this.#ordinary.has(removal);
  }

  #forget(removal: Removal): void {
    clearTimeout(removal.grace);
    this.#ending.delete(removal);
    this.#urgent.delete(removal);
    this.#ordinary.delete(removal);
  }
}

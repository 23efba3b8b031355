/**
 * Owns the order of removals: few are at the daemon at a time, the others wait, urgent ones go first. dockerd removes about as
 * many containers a second whether it is given two or twenty at once; twenty only slow down starts.
 *
 * Removing a container that has ended costs the daemon an eighth less CPU than killing and removing a running one (93 against
 * 105 ms for a whole life), because a kill is a process of its own. So a running container gets a moment to end by itself.
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
  /** Whether half as many may be at the daemon while no removal is urgent. */
  gently: () => boolean;
  /** For how long a running container may end by itself before it is killed, in ms. A worker takes about 30 ms, under load 120. */
  graceMs: number;
  /** For how long the report of a killed container's end is waited for before its output is read: a busy daemon is late. */
  lateMs: number;
}

/** As many removals may wait for each one at the daemon before `gently` is ignored: waiting containers hold memory and places. */
const PATIENCE = 4;

export interface RemovalRequest {
  urgent: boolean;
  /** Whether the container still runs, so that `ended` will be called for it. */
  runs: boolean;
  /**
   * Called in the removal's turn, after the container has ended; a running one is killed first. `ended` is false when the end
   * was not reported in time. Never rejects.
   */
  before?: (ended: boolean) => Promise<void>;
}

interface Removal {
  name: string;
  urgent: boolean;
  /** The container is known to have ended. */
  ended: boolean;
  /** The daemon was told to kill it. */
  killed: boolean;
  /** Until this fires the container may end by itself. */
  grace?: NodeJS.Timeout;
  /** Ends the wait for the container's end. */
  wake?: () => void;
  before: RemovalRequest['before'];
  begin: () => void;
  reject: (error: DriverError) => void;
  /** Settles with the call to the daemon, or by `reject`. */
  done: Promise<void>;
}

/** All removals of one driver that somebody waits for. */
export class ContainerRemovals {
  readonly #options: ContainerRemovalsOptions;
  /** By container id, until the caller is told. */
  readonly #asked = new Map<string, { removal: Removal; told: Promise<void> }>();
  /** Containers that may still end by themselves. */
  readonly #ending = new Set<Removal>();
  /** Removals that wait for their turn, in order; sets, because a removal leaves when its caller no longer waits. */
  readonly #urgent = new Set<Removal>();
  readonly #ordinary = new Set<Removal>();
  readonly #atDaemon = new Set<Promise<void>>();

  constructor(options: ContainerRemovalsOptions) {
    this.#options = options;
  }

  /** Whether a removal of this container was asked for and is not over: the container is not the reaper's yet. */
  has(id: string): boolean {
    return this.#asked.has(id);
  }

  /**
   * A removal that is asked for twice is done once. Rejects with `DriverError`; the container is then the reaper's.
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
    // No turn was free: the container must not run any longer, so it is killed now and removed later.
    if (urgent && this.#urgent.has(asked.removal)) void this.#kill(asked.removal);
    return asked.told;
  }

  /** Tells that a container has ended. */
  ended(id: string): void {
    const removal = this.#asked.get(id)?.removal;
    if (removal === undefined) return;
    removal.ended = true;
    removal.wake?.();
    if (this.#ending.has(removal)) this.#enter(removal);
  }

  /** Removes a container by name, in its turn like others, although nobody asked for it by id. Rejects with `DriverError`. */
  removeNamed(name: string): Promise<void> {
    const removal = this.#create(name, { urgent: false, ended: false, before: undefined });
    this.#enter(removal);
    return removal.done;
  }

  /** Rejects the removals that wait; those at the daemon go on. */
  rejectWaiting(error: DriverError): void {
    for (const removal of [...this.#ending, ...this.#urgent, ...this.#ordinary]) {
      this.#forget(removal);
      removal.reject(error);
    }
    for (const { removal } of this.#asked.values()) removal.wake?.();
  }

  /** Resolves when no removal is at the daemon. */
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
      // The daemon would kill the container itself; but its output is complete only after its end.
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

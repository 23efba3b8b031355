/** Owns finding out how containers end: from the event stream while it stands, by listing after it was cut. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerExits } from './container-exits.js';
import { containerName, labels } from '../container-options.js';
import { DockerEvents, type ContainerEvent } from '../engine/docker-events.js';
import type { Engine } from '../engine/engine.js';

/** 128 + the number of SIGKILL. */
const KILLED = 137;
/** The kernel's word on memory reaches the daemon another way than the end, under load up to 9 ms later. */
const OOM_LATE_MS = 100;

export interface ExitWatchOptions {
  engine: Pick<Engine, 'events' | 'inspectContainer' | 'listContainers'>;
  bootId: string;
  /** Where exits are recorded. */
  live: ContainerExits;
  /** An instance that is no longer live ended. */
  onEnded: (id: string) => void;
  /** The daemon looks gone. */
  onLost: () => void;
}

/** Watches from `open` to `close`. */
export class ExitWatch {
  readonly #options: ExitWatchOptions;
  readonly #events: DockerEvents;

  constructor(options: ExitWatchOptions) {
    const { engine, bootId, onLost } = options;
    this.#options = options;
    this.#events = new DockerEvents({
      engine,
      bootId,
      onEvent: (event) => void this.#onEvent(event),
      onConnected: () => void this.#reconcile().catch(onLost),
      onLost,
    });
  }

  open(): void {
    this.#events.open();
  }

  /** The daemon is back. */
  retry(): void {
    this.#events.retry();
  }

  close(): void {
    this.#events.close();
  }

  async #onEvent(event: ContainerEvent): Promise<void> {
    const { live, onEnded } = this.#options;
    if (event.type === 'oom') return live.noteOom(event.id);
    if (live.has(event.id)) await this.#record(event.id, event.exitCode);
    // Those being removed are forgotten, now or since a moment ago; each of them dies, and nobody wants to know how.
    if (!live.has(event.id)) onEnded(event.id);
  }

  /** Asks for the daemon's verdict on memory, which the event lacks; without an answer the event has to do. */
  async #record(id: string, exitCode: number | null): Promise<void> {
    const state = await this.#options.engine.inspectContainer(containerName(id)).then(
      (container) => container.State,
      () => undefined,
    );
    const exit = { exitCode: state?.ExitCode ?? exitCode, oomKilled: state?.OOMKilled ?? false };
    // Nobody here kills what is live: most likely memory, and the event that says so is still to come.
    if (exit.exitCode === KILLED && !exit.oomKilled) await sleep(OOM_LATE_MS);
    this.#options.live.record(id, exit);
  }

  async #reconcile(): Promise<void> {
    const { engine, bootId, live } = this.#options;
    const running = live.running(); // before the list: whatever is started later is no part of it
    if (running.length === 0) return;
    const containers = await engine.listContainers(`${labels.boot}=${bootId}`);
    const states = new Map(containers.map(({ Labels, State }) => [Labels[labels.instance], State]));
    for (const id of running) {
      const state = states.get(id);
      if (state === undefined) live.record(id, { exitCode: null, oomKilled: false });
      else if (state === 'exited' || state === 'dead') await this.#record(id, null);
    }
  }
}

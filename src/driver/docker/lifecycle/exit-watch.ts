/** Owns finding out how containers end: from the event stream, and by listing containers after the stream was cut. */
import type { ContainerExits } from './container-exits.js';
import { containerName, labels } from '../container-options.js';
import { DockerEvents, type ContainerEvent } from '../engine/docker-events.js';
import type { Engine } from '../engine/engine.js';

/** 128 + the number of SIGKILL. */
const KILLED = 137;
/** The daemon hears of a kill for memory by another way than of the end: mostly before it, under load up to 102 ms later. */
const OOM_LATE_MS = 400;

export interface ExitWatchOptions {
  engine: Pick<Engine, 'events' | 'inspectContainer' | 'listContainers'>;
  bootId: string;
  /** Where exits are recorded. */
  live: ContainerExits;
  /** A container that is no longer live has ended. */
  onEnded: (id: string) => void;
  /** Called when the stream ends: the daemon may be gone. */
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

  /** Reconnects at once: the daemon is back. */
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
    // A container that is being removed is no longer live, perhaps only since `#record` asked. Nobody asks how it ended.
    if (!live.has(event.id)) onEnded(event.id);
  }

  /** Asks the daemon whether the container was killed for memory, which the event does not say; without an answer the event's exit code is recorded. */
  async #record(id: string, exitCode: number | null): Promise<void> {
    const state = await this.#options.engine.inspectContainer(containerName(id)).then(
      (container) => container.State,
      () => undefined,
    );
    const exit = { exitCode: state?.ExitCode ?? exitCode, oomKilled: state?.OOMKilled ?? false };
    // This server does not kill live containers, so SIGKILL most likely means memory, and the event about it is yet to come.
    if (exit.exitCode === KILLED && !exit.oomKilled) await this.#options.live.oomNoted(id, OOM_LATE_MS);
    this.#options.live.record(id, exit);
  }

  async #reconcile(): Promise<void> {
    const { engine, bootId, live } = this.#options;
    const running = live.running(); // before the list, which lacks containers that are started after it
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

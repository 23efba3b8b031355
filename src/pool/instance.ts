/**
 * Owns one container and its worker from start to removal: its slot directory, its connection, its state. Deciding
 * when to do what is the pool's.
 */
import { randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { faultPoint } from '../faults.js';
import {
  profileKey,
  type ContainerOutput,
  type Driver,
  type ExitState,
  type Profile,
} from '../driver/driver.js';
import { openSlot, type SlotSocket } from '../ipc/slot-socket.js';
import {
  WorkerConnection,
  type CallResult,
  type InvokeMessage,
  type LoadMessage,
  type LogSink,
} from '../ipc/worker-connection.js';
import { InstanceFailure } from './instance-failure.js';
import { assertTransition, type InstanceState } from './instance-state.js';
import { stopping } from './refusal.js';

/** How long the end of a container may be waited for once its worker has gone. */
const EXIT_WAIT_MS = 1_500;
/** What the container itself may have written that is worth keeping, per stream. */
const OUTPUT_BYTES = 256 * 1024;

/** Runs work that needs the disk, once more after making room when it is full. `work` leaves nothing behind when it fails. */
export type WithRoom = <T>(work: () => T | Promise<T>) => Promise<T>;

export interface InstanceOptions {
  driver: Driver;
  runDir: string;
  profile: Profile;
  uid: number;
  cpuSecondsLimit: number;
  startTimeoutMs: number;
  maxBodyBytes: number;
  withRoom: WithRoom;
  /** Called after every change of state. `previousMs` is the time spent in the state before. */
  onTransition: (instance: Instance, from: InstanceState, previousMs: number) => void;
  /** Called when the worker goes away while nothing is asked of it. */
  onGone: (instance: Instance) => void;
}

export class Instance {
  readonly id = randomBytes(8).toString('hex');
  readonly profile: Profile;
  readonly profileKey: string;
  readonly uid: number;
  readonly slotDir: string;
  #options: InstanceOptions;
  #state: InstanceState = 'starting';
  #since = performance.now();
  #codeKey: string | null = null;
  #calls = 0;
  #busyMs = 0;
  #connection: WorkerConnection | null = null;
  #life = new AbortController();
  #started: Promise<void> = Promise.resolve();
  #stopped: Promise<ContainerOutput> | null = null;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.profile = options.profile;
    this.profileKey = profileKey(options.profile);
    this.uid = options.uid;
    this.slotDir = join(options.runDir, this.id);
  }

  get state(): InstanceState {
    return this.#state;
  }
  get since(): number {
    return this.#since;
  }
  get codeKey(): string | null {
    return this.#codeKey;
  }
  get calls(): number {
    return this.#calls;
  }
  /** Wall time it has spent in calls, the present one included: an upper bound of the CPU time of its own work. */
  get busyMs(): number {
    return this.#busyMs + (this.#state === 'busy' ? performance.now() - this.#since : 0);
  }

  /**
   * Starts the container and waits for its worker: starting → standby. The worker may be ready before the engine has
   * answered the start request; that answer is not waited for. Rejects with DriverError or InstanceFailure.
   */
  async start(): Promise<void> {
    const { driver, startTimeoutMs, cpuSecondsLimit, withRoom } = this.#options;
    const signal = this.#life.signal;
    const timer = setTimeout(() => {
      this.#life.abort(new InstanceFailure(`the worker was not ready after ${startTimeoutMs} ms`));
    }, startTimeoutMs);
    const stopListening = driver.onExit(this.id, (exit) => {
      this.#life.abort(new InstanceFailure('the container ended before its worker was ready', { exit }));
    });
    let slot: SlotSocket | undefined;
    try {
      try {
        slot = openSlot(this.slotDir);
      } catch {
        slot = await withRoom(() => openSlot(this.slotDir));
        signal.throwIfAborted();
      }
      faultPoint('instance.slot');
      const { profile, slotDir, uid } = this;
      this.#started = driver.start({ instanceId: this.id, profile, slotDir, uid, cpuSecondsLimit }, signal);
      this.#started.catch((error: unknown) => this.#life.abort(error));
      const socket = await slot.accept(signal);
      const connection = new WorkerConnection(socket, this.#options.maxBodyBytes);
      this.#connection = connection;
      const destroy = (): void => connection.destroy();
      signal.addEventListener('abort', destroy, { once: true });
      await connection.ready().catch((error: unknown) => {
        throw signal.aborted ? signal.reason : error;
      });
      signal.removeEventListener('abort', destroy);
      signal.throwIfAborted();
      // It may have been lost to what came in the same bytes as `ready`.
      if (connection.lost) throw connection.lost;
      faultPoint('instance.ready');
      this.#transition('standby');
      connection.onLost(() => this.#options.onGone(this));
    } finally {
      clearTimeout(timer);
      stopListening();
      slot?.close();
    }
  }

  /** Reserves a standby for one load. */
  reserve(codeKey: string): void {
    this.#transition('loading');
    this.#codeKey = codeKey;
  }

  /**
   * Moves the prepared tree into the slot and loads it: loading → idle.
   * Rejects with LoadFailure, ConnectionLost, InstanceFailure at the deadline, STOPPING; the caller then stops the instance.
   */
  async load(
    treeDir: string,
    message: Omit<LoadMessage, 'type' | 'id'>,
    timeoutMs: number,
    sink: LogSink,
  ): Promise<void> {
    if (this.#stopped) throw stopping();
    // Synchronous: one system call of 10 µs, against two turns through the thread pool. And no stop can come in between.
    renameSync(treeDir, join(this.slotDir, 'function'));
    const connection = this.#connection!;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new InstanceFailure(`loading took longer than ${timeoutMs} ms`)),
        timeoutMs,
      );
    });
    try {
      await Promise.race([connection.load({ type: 'load', id: this.id, ...message }, sink), late]);
    } finally {
      clearTimeout(timer);
    }
    if (this.#stopped) throw stopping();
    faultPoint('instance.loaded');
    this.#transition('idle');
  }

  /** Reserves an idle instance for one call. */
  begin(): void {
    this.#transition('busy');
    this.#calls += 1;
  }

  /** One call. Rejects with ConnectionLost. */
  invoke(message: InvokeMessage, body: Buffer, sink: LogSink): Promise<CallResult> {
    return this.#connection!.invoke(message, body, sink);
  }

  cancel(id: string): void {
    this.#connection?.cancel(id);
  }

  /** After a call: busy → idle, for the next call of the same function. */
  keep(): void {
    this.#transition('idle');
  }

  /** False when the worker has gone. */
  get alive(): boolean {
    return this.#connection !== null && this.#connection.lost === null;
  }

  /** How the container ended, once its worker has gone; undefined when it is still there. */
  exitState(): Promise<ExitState | undefined> {
    return this.#options.driver.exitState(this.id, EXIT_WAIT_MS).catch(() => undefined);
  }

  /** What the container wrote past the worker's console. Empty when it cannot be had. */
  output(): Promise<ContainerOutput> {
    return this.#options.driver.output(this.id, OUTPUT_BYTES).catch(() => ({ stdout: '', stderr: '' }));
  }

  /**
   * Kills and removes whatever the state: → stopping → stopped. Never rejects; what the driver cannot remove now its
   * reaper removes later. The first call wins, later ones wait for it.
   * @param readOutput whether the container's own output is wanted (one more request to the engine)
   */
  stop(readOutput: boolean): Promise<ContainerOutput> {
    this.#stopped ??= this.#stop(readOutput);
    return this.#stopped;
  }

  async #stop(readOutput: boolean): Promise<ContainerOutput> {
    this.#transition('stopping');
    this.#life.abort(new InstanceFailure('the instance was stopped'));
    await this.#started.catch(() => undefined);
    const output = readOutput ? await this.output() : { stdout: '', stderr: '' };
    faultPoint('instance.removing');
    // Not earlier: the worker exits when its connection ends, and the driver would ask why of a container we remove anyway.
    this.#connection?.destroy();
    await this.#options.driver.remove(this.id).catch(() => undefined);
    await rm(this.slotDir, { recursive: true, force: true }).catch(() => undefined);
    this.#transition('stopped');
    return output;
  }

  #transition(to: InstanceState): void {
    assertTransition(this.#state, to);
    const from = this.#state;
    const now = performance.now();
    const previousMs = now - this.#since;
    if (from === 'busy') this.#busyMs += previousMs;
    this.#state = to;
    this.#since = now;
    this.#options.onTransition(this, from, previousMs);
  }
}

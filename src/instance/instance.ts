/**
 * Owns one container and its worker from start to removal: its slot directory, its connection, its state. Deciding
 * when to do what is the pool's.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deadline, type Clock } from '../clock.js';
import { faultPoint } from '../faults.js';
import { ProgramError, type ContainerOutput, type Driver, type ExitState } from '../driver/driver.js';
import type { LogSink } from '../model/call/execution.js';
import { profileKey, type Profile } from '../model/function/profile.js';
import type { InstalledRuntime } from '../runtimes/installed-runtime.js';
import { messageId } from './wire/message-id.js';
import type { AnswerTaker, InvokeMessage, LoadMessage, WorkerConnection } from './wire/worker-connection.js';
import type { UidAllocator } from './uid-allocator.js';
import { startWorker, type WithRoom } from './worker-start.js';
import { Companion, type ServerImage } from './companion.js';
import { InstanceFailure, LoadTimeout, NO_PROGRAM, ServerTimeout } from './instance-failure.js';
import { assertTransition, type InstanceState } from './instance-state.js';
import { LoadLogs } from './load-logs.js';
import { stopping } from '../model/call/refusal.js';

/** How long the instance waits for its container to end once the worker has gone, in milliseconds. */
const EXIT_WAIT_MS = 1_500;
/** How long after its end what a worker has sent is still read, in milliseconds. */
const LAST_BYTES_MS = 100;
/** The last bytes kept of each stream that the container itself wrote. */
const OUTPUT_BYTES = 256 * 1024;
/** A load that has taken this long may use a whole core, in milliseconds. */
const SLOW_LOAD_MS = 100;
const NO_OUTPUT: ContainerOutput = { stdout: '', stderr: '' };

export interface InstanceOptions {
  driver: Driver;
  /** The runtime that the profile names. */
  runtime: InstalledRuntime;
  runDir: string;
  profile: Profile;
  uid: number;
  /** Uids for further containers of the instance. */
  uids: UidAllocator;
  clock: Clock;
  startTimeoutMs: number;
  maxBodyBytes: number;
  withRoom: WithRoom;
  /** Called after every change of state. `previousMs` is the time spent in the state before. */
  onTransition: (instance: Instance, from: InstanceState, previousMs: number) => void;
  /** Called when the worker, or the image beside it, goes away while nothing is asked of it. */
  onGone: (instance: Instance) => void;
  /** Resolves when the machine has time for a removal that nobody waits for. */
  lull: () => Promise<void>;
  /** Called when the container is gone, with the code's tree in the slot. The callback may move the tree away, or leave it. */
  onTreeFree: (codeKey: string, treeDir: string) => void;
}

/** When an instance reached each stage, in monotonic milliseconds; null before that. */
export interface Moments {
  readonly created: number;
  ready: number | null;
  loadBegun: number | null;
  loaded: number | null;
}

export class Instance {
  readonly id = randomId();
  readonly profile: Profile;
  readonly profileKey: string;
  readonly uid: number;
  readonly slotDir: string;
  readonly moments: Moments;
  /** What the module printed while it was loaded, for the record of the first call. */
  readonly loadLogs = new LoadLogs();
  /** See `InstanceView`. */
  intendedFor: string | null;
  #options: InstanceOptions;
  #state: InstanceState = 'starting';
  #since: number;
  #codeKey: string | null = null;
  #calls = 0;
  #busyMs = 0;
  #ahead = 0;
  #connection: WorkerConnection | null = null;
  #life = new AbortController();
  #started: Promise<void> = Promise.resolve();
  #companion: Companion | null = null;
  #companionEnded = false;
  #stopped: Promise<ContainerOutput> | null = null;

  /** @param intendedFor key of the code the instance is started for ahead of calls; null: any code of its profile */
  constructor(options: InstanceOptions, intendedFor: string | null) {
    this.#options = options;
    this.#since = options.clock.now();
    this.moments = { created: this.#since, ready: null, loadBegun: null, loaded: null };
    this.intendedFor = intendedFor;
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
  /** Calls sent ahead that have neither been given back nor, by the release of the call before, been counted as begun. */
  get ahead(): number {
    return this.#ahead;
  }
  /** Wall time the instance has spent in calls, the present call included. Times `cpus`, it is an upper bound of their CPU time. */
  get busyMs(): number {
    return this.#busyMs + (this.#state === 'busy' ? this.#options.clock.now() - this.#since : 0);
  }

  /**
   * Starts the container and waits for its worker: starting → standby. The worker may be ready before the engine has
   * answered the start request; that answer is not waited for. Rejects with DriverError or InstanceFailure.
   */
  async start(): Promise<void> {
    const { driver, runtime, clock, startTimeoutMs, withRoom, maxBodyBytes } = this.#options;
    const { id, profile, slotDir, uid } = this;
    const connection = await startWorker({
      driver,
      container: { id, runtime, profile, slotDir, uid },
      clock,
      startTimeoutMs,
      maxBodyBytes,
      withRoom,
      life: this.#life,
      onStarting: (started) => void (this.#started = started),
    });
    if (this.#stopped) connection.destroy();
    // The bytes that followed `ready` in the same read may have broken the protocol.
    if (connection.lost) throw connection.lost;
    this.#connection = connection;
    faultPoint('instance.ready');
    this.moments.ready = this.#transition('standby');
    connection.onLost(() => this.#options.onGone(this));
  }

  /** False when the slot was removed from outside: the container still runs, but no code can reach it any more. */
  get hasSlot(): boolean {
    return existsSync(this.slotDir);
  }

  /** Reserves a standby for one load. @param ahead no call asked for the load: any call of this code may wait for the instance */
  reserve(codeKey: string, ahead: boolean): void {
    this.intendedFor = ahead ? codeKey : null;
    this.moments.loadBegun = this.#transition('loading');
    this.#codeKey = codeKey;
  }

  /** The containers of the instance, with their users. */
  get containers(): readonly { id: string; uid: number }[] {
    const companion = this.#companion;
    return companion === null ? [this] : [this, companion];
  }

  /**
   * Moves the prepared tree into the slot and has the worker load it: loading → idle. What the module prints is kept in `loadLogs`.
   * Rejects with LoadFailure, ConnectionLost, LoadTimeout, STOPPING; the caller then stops the instance.
   * @param server an image to be started beside the worker, which is loaded when the image's server accepts connections. Then
   *   the limit is that of a container's start, and the load may also reject with DriverError, InstanceFailure, ServerTimeout
   */
  async load(
    treeDir: string,
    message: Omit<LoadMessage, 'type' | 'id'>,
    loadTimeoutMs: number,
    server: ServerImage | null = null,
  ): Promise<void> {
    if (this.#stopped) throw stopping();
    const timeoutMs = server === null ? loadTimeoutMs : this.#options.startTimeoutMs;
    // Synchronous: one system call of 10 µs, against two turns through the thread pool; and no stop can come in between.
    renameSync(treeDir, join(this.slotDir, 'function'));
    const connection = this.#connection!;
    const { sink } = this.loadLogs;
    let cancel!: () => void;
    const late = new Promise<never>((_, reject) => {
      cancel = deadline(this.#options.clock, timeoutMs, () => reject(new LoadTimeout(timeoutMs)));
    });
    const hurry = this.#hurrySlowLoad();
    try {
      const loaded = connection.load({ type: 'load', id: messageId(), ...message }, sink);
      await Promise.race([loaded, late, ...(server === null ? [] : [this.#failureOf(server)])]);
    } catch (error) {
      const companion = this.#companion;
      if (companion !== null && error instanceof LoadTimeout)
        throw new ServerTimeout(error.timeoutMs, companion.port);
      throw error;
    } finally {
      cancel();
      await hurry?.();
    }
    if (this.#stopped) throw stopping();
    // The bytes that followed `loaded` in the same read may have broken the protocol.
    if (connection.lost) throw connection.lost;
    faultPoint('instance.loaded');
    this.moments.loaded = this.#transition('idle');
    this.intendedFor = null;
  }

  /**
   * Lets a load that takes long have a whole core: a large module needs seconds of CPU time, which half a core doubles. Fast
   * loads, which fit into their quota anyway, cost only a timer.
   * @returns a function for the end of the load, which resolves when the instance has its own share again; null: it has a core
   */
  #hurrySlowLoad(): (() => Promise<void> | undefined) | null {
    const { clock, driver } = this.#options;
    const { cpus } = this.profile;
    if (cpus >= 1) return null;
    let hurried: Promise<boolean> | null = null;
    const cancel = clock.after(SLOW_LOAD_MS, () => {
      hurried = driver.setCpus(this.id, 1).then(
        () => true,
        () => false, // it goes on with its own share
      );
    });
    return () => {
      cancel();
      // An instance that is being stopped needs no share. A share that cannot be put back fails the load.
      return hurried?.then((is) => (is && !this.#stopped ? driver.setCpus(this.id, cpus) : undefined));
    };
  }

  /** Starts an image beside the worker. Never resolves; rejects when the image does not start, or ends. */
  async #failureOf(server: ServerImage): Promise<never> {
    const { driver, uids, onGone } = this.#options;
    // A network can be joined once the engine has answered the start of the container that has it.
    await this.#started;
    if (this.#stopped) throw stopping();
    const companion = new Companion({ driver, server, id: randomId(), uid: uids.take(), joins: this.id });
    this.#companion = companion;
    return await new Promise((_, reject) => {
      const onExit = (exit: ExitState): void => {
        this.#companionEnded = true;
        reject(new InstanceFailure('the image ended before its server accepted connections', { exit }));
        onGone(this);
      };
      companion.start(onExit).catch((cause: unknown) => {
        const isOfImage = cause instanceof ProgramError;
        reject(isOfImage ? new InstanceFailure(NO_PROGRAM, { cause }) : (cause as Error));
      });
    });
  }

  /** Reserves an idle instance for one call. @param now monotonic milliseconds */
  begin(now = this.#options.clock.now()): void {
    this.#transition('busy', now);
    this.#calls += 1;
  }

  /** Takes one more brief call, to be begun when those before it have ended. Those that are sent before the next tick go out together. */
  takeAhead(): void {
    if (this.#ahead === 0) this.#connection!.gather();
    this.#ahead += 1;
  }

  /** A call sent ahead was given back. */
  giveBackAhead(): void {
    this.#ahead -= 1;
  }

  /** One call has ended, and the next of those sent ahead has begun. @param now monotonic milliseconds */
  proceed(now: number): void {
    this.#busyMs += now - this.#since;
    this.#since = now;
    this.#calls += 1;
    this.#ahead -= 1;
  }

  /** Asks the worker to give back the calls it has not begun. See `WorkerConnection.recall`. */
  recall(): void {
    this.#connection?.recall();
  }

  /** Sends one call to the worker. See `WorkerConnection.invoke`. */
  invoke(message: InvokeMessage, body: Buffer, sink: LogSink, taker: AnswerTaker): void {
    this.#connection!.invoke(message, body, sink, taker);
  }

  /** Tells the function that its caller has gone. @param id the id of the invoke message */
  cancel(id: string): void {
    this.#connection?.cancel(id);
  }

  /** After a call: busy → idle, for the next call of the same function. @param now monotonic milliseconds */
  keep(now = this.#options.clock.now()): void {
    this.#transition('idle', now);
  }

  /** False when the worker has gone, or the image beside it. */
  get alive(): boolean {
    return this.#connection !== null && this.#connection.lost === null && !this.#companionEnded;
  }

  /** How the image beside the worker ended, waiting a little for its end; undefined when it runs, or there is none. */
  async serverExit(): Promise<ExitState | undefined> {
    return await this.#companion?.exitState(EXIT_WAIT_MS);
  }

  /** How the container ended, once its worker has gone; undefined when it is still there. */
  exitState(): Promise<ExitState | undefined> {
    return this.#options.driver.exitState(this.id, EXIT_WAIT_MS).catch(() => undefined);
  }

  /** What the image printed, or else what the container wrote past the worker's console; empty when the driver cannot tell. */
  output(): Promise<ContainerOutput> {
    if (this.#companion !== null) return this.#companion.output(OUTPUT_BYTES);
    return this.#options.driver.output(this.id, OUTPUT_BYTES).catch(() => NO_OUTPUT);
  }

  /**
   * Kills and removes the container, in any state: → stopping → stopped. Never rejects: a container that the driver cannot
   * remove now is removed by its reaper later. The first call wins; later calls wait for it.
   * @param readOutput whether the container's own output is wanted (one more request to the engine)
   */
  stop(readOutput: boolean): Promise<ContainerOutput> {
    this.#stopped ??= this.#stop(readOutput);
    return this.#stopped;
  }

  async #stop(readOutput: boolean): Promise<ContainerOutput> {
    // A worker that owes an answer still runs the function's code, which may do anything.
    const urgent = this.#connection?.working ?? false;
    this.#transition('stopping');
    // Once the worker has connected, the start has succeeded, even if the engine has not answered yet. Aborting the start
    // then would have the container removed twice.
    if (this.#connection === null) this.#life.abort(new InstanceFailure('the instance was stopped'));
    await this.#started.catch(() => undefined);
    if (!urgent) await this.#options.lull();
    faultPoint('instance.removing');
    const outputBytes = readOutput ? OUTPUT_BYTES : 0;
    const companion = this.#companion;
    const companionRemoval = companion?.stop(urgent, outputBytes).catch(() => null);
    const removal = this.#options.driver.remove(this.id, { urgent, outputBytes });
    // After the removal has begun: the worker exits when its connection ends, and the driver would ask the daemon why.
    this.#disconnect(removal);
    const [output, companionOutput] = await Promise.all([removal.catch(() => null), companionRemoval]);
    if (companion !== null) this.#options.uids.give(companion.uid);
    if (output !== null && this.#codeKey !== null)
      this.#options.onTreeFree(this.#codeKey, join(this.slotDir, 'function'));
    await rm(this.slotDir, { recursive: true, force: true }).catch(() => undefined);
    this.#transition('stopped');
    return companionOutput ?? output ?? NO_OUTPUT;
  }

  /** Ends the connection; if calls were sent ahead, when what the worker has sent is read: it tells which of them have begun. */
  #disconnect(removal: Promise<unknown>): void {
    const connection = this.#connection;
    if (connection === null) return;
    if (!connection.hasAhead) return connection.destroy();
    connection.giveUpWork();
    const later = (kind: 'destroyed' | 'abandoned'): void =>
      void this.#options.clock.after(LAST_BYTES_MS, () => connection.destroy(kind));
    removal.then(
      () => later('destroyed'),
      () => later('abandoned'),
    );
  }

  /** @returns the moment of the transition, in monotonic milliseconds */
  #transition(to: InstanceState, now = this.#options.clock.now()): number {
    assertTransition(this.#state, to);
    const from = this.#state;
    const previousMs = now - this.#since;
    if (from === 'busy') this.#busyMs += previousMs;
    this.#state = to;
    this.#since = now;
    this.#options.onTransition(this, from, previousMs);
    return now;
  }
}

/** 20 random hexadecimal digits, the parts of a UUID that are random throughout. */
export function randomId(): string {
  const uuid = randomUUID();
  return uuid.slice(0, 8) + uuid.slice(24);
}

/** Owns the right to use one instance for one call. */
import type { ContainerOutput, ExitState } from '../../driver/driver.js';
import {
  ConnectionLost,
  type CallResult,
  type InvokeMessage,
  type LogSink,
} from '../../instance/wire/worker-connection.js';
import { InstanceFailure } from '../../instance/instance-failure.js';
import type { Instance } from '../../instance/instance.js';
import { stopping } from './refusal.js';
import type { AcquireTimes } from './waiter.js';

/** What who holds a lease meets of the driver and the wire. */
export type { ContainerOutput, ExitState } from '../../driver/driver.js';
export { LoadFailure } from '../../instance/wire/worker-connection.js';
export type {
  CallResult,
  ErrorMessage,
  LogSink,
  SerializedError,
} from '../../instance/wire/worker-connection.js';

/**
 * How the instance was found, in the field's terms: its container had to be started after the call came (cold), it was
 * there without code (standby), with the code (loaded), or had been called before (warm).
 */
export type StartKind = 'cold' | 'standby' | 'loaded' | 'warm';

/** After its call an instance goes, stays for later ones, or stays if another call for the same code waits right now. */
export type Keep = boolean | 'for-who-waits';

/** What `release` of an instance that is kept returns: nothing is to be waited for. */
export const KEPT: Promise<ContainerOutput> = Promise.resolve({ stdout: '', stderr: '' });

export class Lease {
  readonly start: StartKind;
  readonly times: AcquireTimes;
  /** What the module printed while it was loaded, when this is the first call after that. */
  readonly loadLogs: Parameters<LogSink>[];
  #instance: Instance;
  #release: (keep: Keep, readOutput: boolean) => Promise<ContainerOutput>;

  constructor(
    instance: Instance,
    start: StartKind,
    times: AcquireTimes,
    loadLogs: Parameters<LogSink>[],
    release: (keep: Keep, readOutput: boolean) => Promise<ContainerOutput>,
  ) {
    this.#instance = instance;
    this.start = start;
    this.times = times;
    this.loadLogs = loadLogs;
    this.#release = release;
  }

  /** Runs the call. Rejects with InstanceFailure when the worker goes away first. */
  invoke(message: InvokeMessage, body: Buffer, sink: LogSink): Promise<CallResult> {
    return this.#instance.invoke(message, body, sink).catch(async (error: unknown) => {
      throw await Lease.explain(this.#instance, error);
    });
  }

  /** Tells the function that its caller has gone. */
  cancel(id: string): void {
    this.#instance.cancel(id);
  }

  /** What the container has written past the console so far. */
  output(): Promise<ContainerOutput> {
    return this.#instance.output();
  }

  /**
   * Gives the instance back; call it exactly once. Resolves when it is gone; KEPT when it is kept.
   * @param keep whether it may serve further calls (the pool may decide otherwise)
   * @param readOutput whether what the container wrote past the console is wanted
   */
  release(keep: Keep, readOutput = false): Promise<ContainerOutput> {
    return this.#release(keep, readOutput);
  }

  /** Turns a lost connection into how the container ended; other errors stay. */
  static async explain(instance: Instance, error: unknown): Promise<unknown> {
    if (!(error instanceof ConnectionLost)) return error;
    // Nobody but a stopping server closes the connection of a worker that is still wanted.
    if (error.kind === 'destroyed') return stopping();
    if (error.kind === 'protocol')
      return new InstanceFailure(`the worker broke the protocol: ${error.message}`, { cause: error });
    const exit: ExitState | undefined = error.kind === 'closed' ? await instance.exitState() : undefined;
    return new InstanceFailure(error.message, { exit, cause: error });
  }
}

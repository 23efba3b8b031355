/** Owns the right to use one instance for one call. */
import { InstanceFailure } from '../../instance/instance-failure.js';
import type { Instance } from '../../instance/instance.js';
import { ConnectionLost } from '../../instance/wire/worker-connection.js';
import type { ContainerOutput, ExitState } from '../../model/call/container-end.js';
import type { LogSink } from '../../model/call/execution.js';
import type { StartKind } from '../../model/call/call.js';
import { stopping } from '../../model/call/refusal.js';

/** How a call's time was spent before it could be sent, in milliseconds. */
export interface AcquireTimes {
  queueMs: number;
  startMs: number;
  loadMs: number;
}

/** The promise that `release` returns for a kept instance: it is settled, with no output. */
export const KEPT: Promise<ContainerOutput> = Promise.resolve({ stdout: '', stderr: '' });

export class Lease {
  /** When the call was sent to an instance that still ran another, monotonic milliseconds; null: the instance was idle. */
  readonly aheadSince: number | null;
  readonly start: StartKind;
  readonly times: AcquireTimes;
  /** What the module printed while it was loaded; empty unless this is the first call after the load. */
  readonly loadLogs: readonly Parameters<LogSink>[];
  readonly instance: Instance;
  readonly #release: (keep: boolean, readOutput: boolean) => Promise<ContainerOutput>;
  readonly #giveBack: () => void;

  constructor(
    instance: Instance,
    start: StartKind,
    times: AcquireTimes,
    loadLogs: readonly Parameters<LogSink>[],
    release: (keep: boolean, readOutput: boolean) => Promise<ContainerOutput>,
    giveBack: () => void,
    aheadSince: number | null = null,
  ) {
    this.#giveBack = giveBack;
    this.aheadSince = aheadSince;
    this.instance = instance;
    this.start = start;
    this.times = times;
    this.loadLogs = loadLogs;
    this.#release = release;
  }

  /**
   * Gives the instance back; call it, or `giveBack`, exactly once. Resolves when the instance is gone; returns KEPT when it is kept.
   * @param keep whether the instance may serve further calls (the pool may decide otherwise)
   * @param readOutput whether what the container wrote past the console is wanted
   */
  release(keep: boolean, readOutput = false): Promise<ContainerOutput> {
    return this.#release(keep, readOutput);
  }

  /** In place of `release`, when the worker has not begun the call. */
  giveBack(): void {
    this.#giveBack();
  }

  /** Turns ConnectionLost into an error that says how the container ended, after a short wait for its end; other errors stay. */
  explain(error: unknown): Promise<unknown> {
    return Lease.explain(this.instance, error);
  }

  /** `explain` for an instance without a lease. */
  static async explain(instance: Instance, error: unknown): Promise<unknown> {
    if (!(error instanceof ConnectionLost)) return error;
    // Only a stopping server closes the connection of a worker that is still wanted.
    if (error.kind === 'destroyed') return stopping();
    if (error.kind === 'protocol')
      return new InstanceFailure(`the worker broke the protocol: ${error.message}`, { cause: error });
    const exit: ExitState | undefined = error.kind === 'closed' ? await instance.exitState() : undefined;
    return new InstanceFailure(error.message, { exit, cause: error });
  }
}

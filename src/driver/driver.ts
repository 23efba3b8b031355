/**
 * Owns the interface to whatever makes containers, in our words. `DockerDriver` implements it on the Engine API,
 * `FakeDriver` (tests) with the worker as a child process.
 */

import type { ContainerOutput, ExitState } from '../model/container-end.js';

/** What shapes a container: two instances with equal profiles are interchangeable until code is loaded. */
export interface Profile {
  memoryMb: number;
  cpus: number;
  network: 'none' | 'bridge';
  /** CPU-seconds after which the kernel ends a container of this profile, also when this server is dead. */
  cpuSeconds: number;
}

export interface ContainerSpec {
  /** Instance id: `[a-z0-9]{8,}`; the container is named `glambdar-<id>` and labelled with it. */
  instanceId: string;
  profile: Profile;
  /** Absolute host path of the slot directory, mounted read-only at `/slot`. */
  slotDir: string;
  /** uid and gid of the worker, its own for every instance alive at a time. */
  uid: number;
  /** CPU-seconds after which the kernel ends the worker even when this server is dead. */
  cpuSecondsLimit: number;
}

export type { ContainerOutput, ExitState } from '../model/container-end.js';

/** What an instance takes. */
export interface InstanceUsage {
  /** What its container really costs this machine: its processes' and its shim's memory, shared pages in proportion. */
  memoryBytes: number;
  /** CPU time of its processes since its start, in ms; null when unknown. */
  cpuMs: number | null;
}

export interface RemoveOptions {
  /** What runs in it must end now (it timed out, crashed, is hostile): goes before the others, and is killed at once if it has to wait. */
  urgent?: boolean;
  /** Of what the container wrote past the worker's console, at most this much of the end of each stream is wanted; default 0. */
  outputBytes?: number;
}

/** Why a driver call failed. `unavailable`: the daemon is away, frozen or refuses; anything else concerns this container alone. */
export class DriverError extends Error {
  readonly kind: 'unavailable' | 'failed';
  constructor(kind: 'unavailable' | 'failed', message: string, options: { cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'DriverError';
    this.kind = kind;
  }
}

/** `available`, or a sentence for the operator that says why not. */
export type DriverHealth = { available: true } | { available: false; reason: string };

/** Every method has a time limit of its own and rejects with `DriverError`. None leaks text of the daemon to a client. */
export interface Driver {
  /** Checks the daemon, makes or finds the image, reaps what earlier runs left, begins to watch. `progress` gets sentences for the operator. */
  open(progress: (line: string) => void): Promise<void>;
  /** Creates and starts one container. On failure (abort included) nothing of it stays behind, or the reaper gets it. */
  start(spec: ContainerSpec, signal: AbortSignal): Promise<void>;
  /**
   * Kills and removes; a container that is gone already is success. May be called twice. Few are removed at a time, others
   * wait for their turn. Resolves with the output that was asked for.
   */
  remove(instanceId: string, options?: RemoveOptions): Promise<ContainerOutput>;
  /** How the container of this instance ended, waiting up to `waitMs` for the end; undefined when it still runs or is unknown. */
  exitState(instanceId: string, waitMs: number): Promise<ExitState | undefined>;
  /** What the container wrote to its own stdout and stderr (not through the worker's console), each at most `maxBytes` of the end. */
  output(instanceId: string, maxBytes: number): Promise<ContainerOutput>;
  /** Calls back once when the container of this instance ends. The returned function stops listening. */
  onExit(instanceId: string, listener: (exit: ExitState) => void): () => void;
  /**
   * What running instances take now; those that cannot be measured are absent. Rejects with `DriverError` only when the
   * daemon has to be asked and is unavailable.
   */
  memoryOf(instances: readonly { instanceId: string; uid: number }[]): Promise<Map<string, InstanceUsage>>;
  /** Prepares what a profile needs beyond the default (a network); rejects with a reason when it cannot be had. */
  prepareProfile(profile: Profile): Promise<void>;
  /** The latest known health; never waits. */
  health(): DriverHealth;
  /** Calls back whenever the health changes. The returned function stops listening. */
  onHealth(listener: (health: DriverHealth) => void): () => void;
  /** Stops watching and closes connections; removes every container of this boot that is still there. May be called twice. */
  close(): Promise<void>;
}

/** A key equal for equal profiles. */
export function profileKey(profile: Profile): string {
  return `${profile.memoryMb}/${profile.cpus}/${profile.network}/${profile.cpuSeconds}`;
}

/**
 * Owns the interface to whatever makes containers, in our own words. `DockerDriver` implements it on the Engine API,
 * `FakeDriver` (tests) with child processes. A driver knows nothing of what its containers are for.
 */
import type { ContainerImage } from '../model/container-image.js';
import type { ContainerOutput, ExitState } from '../model/call/container-end.js';

/** A file or directory of the host that the container sees. */
export interface ContainerMount {
  /**
   * Absolute path on the host, inside the driver's run directory; no part of it below that directory may be a symlink. A
   * read-only mount may also have one of the host's programs that the driver was told of as its source.
   */
  source: string;
  /** Absolute path in the container. */
  target: string;
  readOnly: boolean;
}

/** What a container may take before the kernel says no. */
export interface ContainerLimits {
  /** Memory, swap and the content of `/tmp` together. */
  memoryBytes: number;
  /** Share of one core: 0.5 is half of it. */
  cpus: number;
  /** CPU-seconds after which the kernel ends a process even when this server is dead. */
  cpuSeconds: number;
  /** Processes and threads. */
  pids: number;
  /** Descriptors of one process. */
  openFiles: number;
  /** Size of one file. */
  fileBytes: number;
  /** Size of `/tmp`, the only place of the container's own that can be written. */
  tmpBytes: number;
  /** Files and directories in `/tmp`; 4096 when absent. */
  tmpInodes?: number;
}

/** `none`: a loopback of the container's own and nothing else. `bridge`: public addresses, too. */
export type NetworkKind = 'none' | 'bridge';

/**
 * A network of the container's own, or that of another container, which has to run: the two see one loopback and reach each
 * other's ports there. A container that joined keeps the network when the other one ends. Not with a runtime that gives each
 * container a network stack of its own (`runsc`).
 */
export type ContainerNetwork = NetworkKind | { joins: string; kind: NetworkKind };

export interface ContainerSpec {
  /** `[a-z0-9]{8,}`, of one container for ever: the container is named `glambdar-<id>` and labelled with it. */
  id: string;
  /** Prepared before by `prepareImage`, or pinned. */
  image: ContainerImage;
  /**
   * Program and arguments. Null: the image's own entrypoint and command, which also get the image's own environment; of
   * that a given command gets only PATH.
   */
  command: readonly string[] | null;
  env: Readonly<Record<string, string>>;
  /** Absolute path in the container; null: the image's own. */
  workingDir: string | null;
  mounts: readonly ContainerMount[];
  /** `bridge` has been prepared by `prepareNetwork`. */
  network: ContainerNetwork;
  /** Of no other container alive at the same time: the kernel counts several limits per uid. */
  user: { uid: number; gid: number };
  limits: ContainerLimits;
  /** Further labels; the driver's own (`glambdar.…`) cannot be changed. */
  labels: Readonly<Record<string, string>>;
}

export type { ContainerOutput, ExitState } from '../model/call/container-end.js';

/** What a running container takes. */
export interface ContainerUsage {
  /** What it really costs this machine: the memory of its processes and its shim, shared pages in proportion. */
  memoryBytes: number;
  /** CPU time of its processes since its start, in ms; null when unknown. */
  cpuMs: number | null;
}

export interface RemoveOptions {
  /** The container must end now: its removal goes before others, and it is killed at once when the removal has to wait. */
  urgent?: boolean;
  /** How much of the end of each output stream is wanted; default 0. */
  outputBytes?: number;
}

/** An image that is on this machine. */
export interface LocalImage {
  /** `sha256:…`: a name may move, this cannot. */
  id: string;
  sizeBytes: number;
  /** TCP ports that the image exposes, ascending. */
  ports: number[];
}

export interface ObtainImageOptions {
  /** `missing`: an image that is on this machine is taken as it is. `always`: the registry is asked for a newer one. */
  pull: 'missing' | 'always';
  /** Gets sentences for the operator. */
  progress: (line: string) => void;
}

/** Why a driver call failed. `unavailable`: the daemon is away, frozen or refuses; `failed` concerns this call alone. */
export class DriverError extends Error {
  readonly kind: 'unavailable' | 'failed';
  constructor(kind: 'unavailable' | 'failed', message: string, options: { cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'DriverError';
    this.kind = kind;
  }
}

/** The kind of network that a container of this specification sees, its own or another container's. */
export function networkKind({ network }: Pick<ContainerSpec, 'network'>): NetworkKind {
  return typeof network === 'string' ? network : network.kind;
}

/** An image cannot be had. The message is a sentence for whoever named the image, without text of the daemon. */
export class ImageError extends DriverError {
  readonly reason: 'not-found' | 'unauthorised' | 'registry-away' | 'unusable';
  constructor(reason: ImageError['reason'], message: string, options: { cause?: unknown } = {}) {
    super('failed', message, options);
    this.name = 'ImageError';
    this.reason = reason;
  }
}

/** A container's program is missing or cannot be run: the fault is in its image, and trying again does not help. */
export class ProgramError extends DriverError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('failed', message, options);
    this.name = 'ProgramError';
  }
}

/** `available`, or a sentence for the operator that says why not. */
export type DriverHealth = { available: true } | { available: false; reason: string };

/** Every method has a time limit of its own and rejects with `DriverError`. None leaks text of the daemon to a client. */
export interface Driver {
  /** Checks the daemon, reaps what earlier runs left, begins to watch. */
  open(): Promise<void>;
  /**
   * Finds the image, or builds or pulls it, so that a start need not ask for it. May be called again. An image that is
   * removed later is made again by the next start. A pinned image that is not on this machine rejects with `ImageError`.
   * @param progress gets sentences for the operator
   */
  prepareImage(image: ContainerImage, progress: (line: string) => void): Promise<void>;
  /** A text that is equal only for images with the same content. Throws `DriverError` when the image is not prepared. */
  imageId(image: ContainerImage): string;
  /**
   * Finds an image by its name, or pulls it with the credentials that this machine has for its registry. Rejects with
   * `ImageError` when the image cannot be had, else with `DriverError`.
   */
  obtainImage(reference: string, options: ObtainImageOptions): Promise<LocalImage>;
  /** Makes what containers of this network need, or checks it; rejects with the reason when it cannot be had. */
  prepareNetwork(network: NetworkKind): Promise<void>;
  /**
   * Creates and starts one container. Rejects also when image or network are not prepared, a mount's source is not where it
   * may be, or the container whose network is to be joined does not run. On failure (abort included) nothing of the
   * container stays behind, or the reaper gets it.
   */
  start(spec: ContainerSpec, signal: AbortSignal): Promise<void>;
  /**
   * Kills and removes; a container that is gone already is success. May be called twice. Few are removed at a time, others
   * wait for their turn. Resolves with the output that was asked for.
   */
  remove(id: string, options?: RemoveOptions): Promise<ContainerOutput>;
  /** How the container ended, waiting up to `waitMs` for the end; undefined when it still runs, is removed or was never there. */
  exitState(id: string, waitMs: number): Promise<ExitState | undefined>;
  /** What the container wrote to its stdout and stderr so far, each at most `maxBytes` of the end. */
  output(id: string, maxBytes: number): Promise<ContainerOutput>;
  /**
   * Calls back once when the container ends; one may listen before its start. The returned function stops listening, and has
   * to be called where the container may never be started.
   */
  onExit(id: string, listener: (exit: ExitState) => void): () => void;
  /**
   * What running containers take now; those that cannot be measured are absent. Rejects only when the daemon has to be
   * asked and is unavailable.
   */
  usage(containers: readonly { id: string; uid: number }[]): Promise<Map<string, ContainerUsage>>;
  /** Changes how much of a core a running container may use, until it is changed again. */
  setCpus(id: string, cpus: number): Promise<void>;
  /** The latest known health; never waits. */
  health(): DriverHealth;
  /** Calls back whenever the health changes. The returned function stops listening. */
  onHealth(listener: (health: DriverHealth) => void): () => void;
  /** Stops watching and closes connections; removes every container of this boot that is still there. May be called twice. */
  close(): Promise<void>;
}

/**
 * Owns a driver for unit tests: a "container" is its command as a child process of the test, or whatever the test puts in
 * the place of that. It can be told to fail in every way a daemon can.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  DriverError,
  type ContainerOutput,
  type ContainerSpec,
  type ContainerUsage,
  type Driver,
  type DriverHealth,
  ImageError,
  type ExitState,
  type LocalImage,
  type NetworkKind,
  type RemoveOptions,
} from '../../src/driver/driver.js';
import { imageKey, type ContainerImage } from '../../src/model/container-image.js';

/**
 * What stands in a container's place: the command of its spec (the worker, for an instance); the source of another program
 * (with the same environment); a function in this process that is handed a socket connected to the directory mounted at
 * /slot; or nothing that ever connects. Programs see the sources of mounts: paths in command, environment and working
 * directory are translated.
 */
export type Inhabitant =
  'worker' | { program: string } | ((socket: Socket, spec: ContainerSpec) => void) | 'nobody';

interface Container {
  spec: ContainerSpec;
  child: ChildProcess | null;
  socket: Socket | null;
  /** Descriptors of stdout and stderr: files, so that what was written is there at once. */
  output: [stdout: number, stderr: number];
  exit: ExitState | null;
  ended: Promise<void>;
  end: (exit: ExitState) => void;
}

export class FakeDriver implements Driver {
  /** For containers started from now on. */
  inhabitant: Inhabitant = 'worker';
  /** The same for containers that run an image's own program, where it is another: a program, or nothing. */
  image: { program: string } | 'nobody' | null = null;
  /** Errors of the next starts, first come first served. */
  failures: Error[] = [];
  /** While set, starts wait for it before they do anything; their abort ends the waiting. */
  gate: Promise<void> | null = null;
  /** While set, starts that have started wait for it before they say so; their abort ends the waiting. */
  answerGate: Promise<void> | null = null;
  /** While set, removals wait for it. */
  removeGate: Promise<void> | null = null;
  /** Error of every removal. */
  removeFailure: Error | null = null;
  /** Whether the kernel "killed for memory" in containers that end from now on. */
  oomKilled = false;
  /** Every `setCpus`, in order. */
  readonly cpusSet: [id: string, cpus: number][] = [];
  /** Error of every `setCpus`. */
  cpusFailure: Error | null = null;
  /** What containers take, unless told otherwise. */
  typicalUsage: ContainerUsage = { memoryBytes: 20_000_000, cpuMs: 0 };
  /** What single containers take; null: cannot be measured. */
  readonly usageOf = new Map<string, ContainerUsage | null>();
  usageFailure: Error | null = null;
  prepareFailure: Error | null = null;
  /** Every start that was asked for, failed ones included. */
  readonly started: ContainerSpec[] = [];
  readonly removed: string[] = [];
  /** Those of them that were urgent. */
  readonly removedUrgently: string[] = [];
  #containers = new Map<string, Container>();
  #exitListeners = new Map<string, Set<(exit: ExitState) => void>>();
  #healthListeners = new Set<(health: DriverHealth) => void>();
  #health: DriverHealth = { available: true };

  /** Ids of containers that were started and not removed. */
  get present(): string[] {
    return [...this.#containers.keys()];
  }

  /** Changes the health and tells who listens. */
  setHealth(health: DriverHealth): void {
    this.#health = health;
    for (const listener of this.#healthListeners) listener(health);
  }

  /** Ends a container as `kill -9` from outside would. Resolves when it has ended. */
  async kill(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    if (container.child) container.child.kill('SIGKILL');
    else container.end({ exitCode: 137, oomKilled: this.oomKilled });
    await container.ended;
  }

  async open(): Promise<void> {}

  async prepareImage(): Promise<void> {}

  imageId(image: ContainerImage): string {
    return imageKey(image);
  }

  /** Images by reference, for `obtainImage`. */
  readonly images = new Map<string, LocalImage>();

  async obtainImage(reference: string): Promise<LocalImage> {
    const image = this.images.get(reference);
    if (image === undefined) throw new ImageError('not-found', `There is no image "${reference}".`);
    return image;
  }

  async prepareNetwork(_network: NetworkKind): Promise<void> {
    if (this.prepareFailure) throw this.prepareFailure;
  }

  async start(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    this.started.push(spec);
    if (this.gate) await Promise.race([this.gate, aborted(signal)]);
    signal.throwIfAborted();
    const failure = this.failures.shift();
    if (failure) throw failure;
    if (!this.#health.available) throw new DriverError('unavailable', this.#health.reason);
    if (this.#containers.has(spec.id)) throw new DriverError('failed', 'the name is taken');
    // Child processes see one loopback anyway: that of this machine.
    if (typeof spec.network !== 'string' && this.#containers.get(spec.network.joins)?.exit !== null)
      throw new DriverError('failed', 'the container whose network is to be joined does not run');
    const container = this.#create(spec);
    const inhabitant = (spec.command === null ? this.image : null) ?? this.inhabitant;
    if (typeof inhabitant === 'function') this.#connect(container, inhabitant);
    else if (inhabitant !== 'nobody')
      this.#spawn(container, inhabitant === 'worker' ? spec.command! : ['node', '-e', inhabitant.program]);
    if (this.answerGate) await Promise.race([this.answerGate, aborted(signal)]);
  }

  async remove(
    id: string,
    { urgent = false, outputBytes = 0 }: RemoveOptions = {},
  ): Promise<ContainerOutput> {
    if (urgent) {
      this.removedUrgently.push(id);
      if (this.removeGate) await this.kill(id);
    }
    if (this.removeGate) await this.removeGate;
    this.removed.push(id);
    await this.kill(id);
    if (this.removeFailure) throw this.removeFailure;
    const output = await this.output(id, outputBytes);
    const container = this.#containers.get(id);
    if (this.#containers.delete(id)) container?.output.forEach((file) => closeSync(file));
    return output;
  }

  async exitState(id: string, waitMs: number): Promise<ExitState | undefined> {
    const container = this.#containers.get(id);
    if (!container) return undefined;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      container.ended,
      new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs))),
    ]);
    clearTimeout(timer);
    return container.exit ?? undefined;
  }

  async output(id: string, maxBytes: number): Promise<ContainerOutput> {
    const container = this.#containers.get(id);
    if (!container) return { stdout: '', stderr: '' };
    const [stdout, stderr] = container.output.map((file) => readEnd(file, maxBytes)) as [string, string];
    return { stdout, stderr };
  }

  onExit(id: string, listener: (exit: ExitState) => void): () => void {
    const { exit } = this.#containers.get(id) ?? {};
    if (exit) queueMicrotask(() => listener(exit));
    const listeners = this.#exitListeners.get(id) ?? new Set();
    this.#exitListeners.set(id, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  setCpus(id: string, cpus: number): Promise<void> {
    this.cpusSet.push([id, cpus]);
    return this.cpusFailure ? Promise.reject(this.cpusFailure) : Promise.resolve();
  }

  async usage(containers: readonly { id: string }[]): Promise<Map<string, ContainerUsage>> {
    if (this.usageFailure) throw this.usageFailure;
    const usage = new Map<string, ContainerUsage>();
    for (const { id } of containers) {
      const container = this.#containers.get(id);
      const own = this.usageOf.get(id);
      if (container?.exit === null && own !== null) usage.set(id, { ...(own ?? this.typicalUsage) });
    }
    return usage;
  }

  health(): DriverHealth {
    return this.#health;
  }

  onHealth(listener: (health: DriverHealth) => void): () => void {
    this.#healthListeners.add(listener);
    return () => this.#healthListeners.delete(listener);
  }

  async close(): Promise<void> {
    this.removeGate = null;
    this.removeFailure = null;
    await Promise.all(this.present.map(async (id) => this.remove(id)));
  }

  #create(spec: ContainerSpec): Container {
    let ended!: () => void;
    const container: Container = {
      spec,
      child: null,
      socket: null,
      output: [unnamedFile(), unnamedFile()],
      exit: null,
      ended: new Promise((resolve) => (ended = resolve)),
      end: (exit) => {
        if (container.exit) return;
        container.exit = exit;
        container.socket?.destroy();
        ended();
        for (const listener of this.#exitListeners.get(spec.id) ?? []) listener(exit);
      },
    };
    this.#containers.set(spec.id, container);
    return container;
  }

  #spawn(container: Container, [program = '', ...args]: readonly string[]): void {
    const { mounts, env, workingDir } = container.spec;
    const onHost = (text: string): string => {
      const mount = mounts.find(({ target }) => text === target || text.startsWith(`${target}/`));
      return mount ? mount.source + text.slice(mount.target.length) : text;
    };
    const child = spawn(program === 'node' ? process.execPath : program, args.map(onHost), {
      cwd: workingDir === null ? undefined : onHost(workingDir),
      env: {
        PATH: dirname(process.execPath),
        ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, onHost(value)])),
      },
      stdio: ['ignore', ...container.output],
    });
    container.child = child;
    child.on('error', () => container.end({ exitCode: null, oomKilled: false }));
    child.on('exit', (code, signal) => {
      const exitCode = code ?? 128 + (signal === 'SIGABRT' ? 6 : signal === 'SIGSEGV' ? 11 : 9);
      container.end({ exitCode, oomKilled: this.oomKilled });
    });
  }

  #connect(container: Container, inhabitant: (socket: Socket, spec: ContainerSpec) => void): void {
    const { spec } = container;
    const slot = spec.mounts.find(({ target }) => target === '/slot');
    const directory = openSync(slot?.source ?? '', constants.O_RDONLY | constants.O_DIRECTORY);
    const socket = connect(`/proc/self/fd/${directory}/s`);
    container.socket = socket;
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      closeSync(directory);
      inhabitant(socket, spec);
    });
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** A file that is gone once its descriptor is closed. */
function unnamedFile(): number {
  const path = join(tmpdir(), `glambdar-output-${randomBytes(8).toString('hex')}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return file;
}

function readEnd(file: number, maxBytes: number): string {
  const { size } = fstatSync(file);
  const buffer = Buffer.alloc(Math.min(size, maxBytes));
  readSync(file, buffer, 0, buffer.length, size - buffer.length);
  return buffer.toString();
}

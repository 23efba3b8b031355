/**
 * Owns running a call of the contract `go-serverless`: a container for the call alone, whose program finds the request in a
 * file and leaves the answer in another. The answer is read when the container has ended; container and folder are then
 * removed, after the caller has the answer.
 */
import { deadline, type Clock } from '../clock.js';
import { DriverError, ImageError, ProgramError, type Driver, type ExitState } from '../driver/driver.js';
import { GlambdarError } from '../errors.js';
import { randomId } from '../instance/instance.js';
import { NO_PROGRAM } from '../instance/instance-failure.js';
import type { Logger } from '../logger.js';
import type { ContainerOutput } from '../model/call/container-end.js';
import { unwatchDeparture, watchDeparture } from '../model/call/departure.js';
import {
  ExecutionFailure,
  type CallResult,
  type Execution,
  type Executor,
  type ExecutorCall,
  type FailureReason,
} from '../model/call/execution.js';
import { cannotStart, driverUnavailable, imageGone, withoutImage } from '../model/call/refusal.js';
import type { FunctionRecord } from '../model/function/function.js';
import type { ContextFolder, ContextFolders } from './context-folders.js';
import { imageContainer } from './image-container.js';
import type { ContainerPlace, ImagePlaces } from './image-places.js';
import type { PinnedImages } from './pinned-images.js';
import { readResponseFile } from './response-file.js';

const HEADERS: [name: string, value: string][] = [['content-type', 'application/json; charset=UTF-8']];

/** How much of the end of each output stream is read: a little more than a record keeps, so that what was cut shows. */
const OUTPUT_BYTES = 512 * 1024;

export interface RunOnceExecutorOptions {
  driver: Driver;
  images: PinnedImages;
  places: ImagePlaces;
  folders: ContextFolders;
  clock: Clock;
  logger: Logger;
  startTimeoutMs: number;
  maxResponseBytes: number;
  /** How long a call may still run after its caller has gone, in milliseconds. */
  cancelGraceMs: number;
}

/** Why waiting for a container's end was given up. */
class GivenUp extends Error {
  readonly reason: FailureReason;
  constructor(reason: FailureReason) {
    super(reason.type);
    this.reason = reason;
  }
}

export class RunOnceExecutor implements Executor {
  readonly #options: RunOnceExecutorOptions;

  constructor(options: RunOnceExecutorOptions) {
    this.#options = options;
  }

  assertAdmits({ id }: FunctionRecord): void {
    this.#options.places.assertAdmits(id);
  }

  async execute(call: ExecutorCall): Promise<Execution> {
    const { places, folders, clock } = this.#options;
    const { signal, trace, record, request } = call;
    const arrivedAt = clock.now();
    let place: ContainerPlace;
    try {
      place = await places.acquire(record.id, signal);
    } catch (error) {
      throw new ExecutionFailure(refusedOrGone(error, signal));
    } finally {
      trace.queueMs = clock.now() - arrivedAt;
    }
    let folder: ContextFolder;
    try {
      folder = await folders.take(place.uid, request.body);
    } catch (error) {
      place.release();
      throw new ExecutionFailure(refusedOrGone(error, signal));
    }
    return new Run(this.#options, call, place, folder).result();
  }
}

/** One container, from its start to its removal. */
class Run {
  readonly #options: RunOnceExecutorOptions;
  readonly #call: ExecutorCall;
  readonly #place: ContainerPlace;
  readonly #folder: ContextFolder;
  readonly #id = randomId();
  readonly #abort = new AbortController();
  /** The start was answered, or the container has ended. */
  #isStarted = false;
  /** Settles when the start is answered. */
  #starting: Promise<void> = Promise.resolve();

  constructor(
    options: RunOnceExecutorOptions,
    call: ExecutorCall,
    place: ContainerPlace,
    folder: ContextFolder,
  ) {
    this.#options = options;
    this.#call = call;
    this.#place = place;
    this.#folder = folder;
  }

  async result(): Promise<Execution> {
    let exit: ExitState;
    try {
      await this.#options.images.ready(digestOf(this.#call.record));
      exit = await this.#untilEnd();
    } catch (error) {
      throw await this.#failed(error);
    }
    const file = readResponseFile(
      this.#folder.responsePath,
      this.#folder.prefilled,
      this.#options.maxResponseBytes,
    );
    const isFailure = exit.exitCode !== 0 || exit.oomKilled;
    if (isFailure && (file.type === 'unusable' || !file.isWritten)) {
      // A program may say of itself why it had no memory left, and the failure's code depends on that.
      const output = await this.#options.driver.output(this.#id, OUTPUT_BYTES).catch(() => NO_OUTPUT);
      void this.#removed(0);
      const message = 'the container ended without an answer';
      throw new ExecutionFailure(
        { type: 'ended', message, exit, stderr: output.stderr },
        Promise.resolve(output),
      );
    }
    return {
      result: resultOf(file),
      cut: { stdout: 0, stderr: 0 },
      peakMemoryKb: null,
      release: () => this.#removed(OUTPUT_BYTES),
    };
  }

  /** Starts the container. Resolves when the container has ended; rejects with `GivenUp`, or with the error of the start. */
  async #untilEnd(): Promise<ExitState> {
    const { driver, clock, startTimeoutMs, cancelGraceMs } = this.#options;
    const { record, trace, signal } = this.#call;
    const { timeoutMs } = record.settings;
    const begunAt = clock.now();
    let startedAt: number | null = null;
    let cancelDeadline: (() => void) | undefined;
    let unwatch: (() => void) | undefined;
    let unlisten: (() => void) | undefined;
    trace.start = 'cold';
    try {
      return await new Promise<ExitState>((resolve, reject) => {
        const after = (ms: number, reason: () => FailureReason): void => {
          cancelDeadline?.();
          cancelDeadline = deadline(clock, ms, () => reject(new GivenUp(reason())));
        };
        const started = (): void => {
          if (startedAt !== null) return;
          startedAt = clock.now();
          this.#place.started();
          if (!signal.aborted) after(timeoutMs, () => ({ type: 'timeout' }));
        };
        after(startTimeoutMs, () => ({ type: 'refused', error: cannotStart(new Error('it took too long')) }));
        this.#starting = driver.start(this.#spec(), this.#abort.signal);
        this.#starting.then(() => {
          this.#isStarted = true;
          started();
        }, reject);
        // The container may have ended before the daemon answers the start.
        unlisten = driver.onExit(this.#id, (exit) => {
          this.#isStarted = true;
          started();
          resolve(exit);
        });
        const departed = (): void => {
          const noGrace = signal.reason instanceof GlambdarError || startedAt === null;
          after(noGrace ? 0 : cancelGraceMs, () => refusedOrGone(signal.reason, signal));
        };
        if (signal.aborted) departed();
        else {
          const watcher = { departed };
          watchDeparture(signal, watcher);
          unwatch = () => unwatchDeparture(signal, watcher);
        }
      });
    } finally {
      const now = clock.now();
      trace.startMs = (startedAt ?? now) - begunAt;
      trace.runMs = now - (startedAt ?? now);
      cancelDeadline?.();
      unwatch?.();
      unlisten?.();
    }
  }

  #spec() {
    const { record } = this.#call;
    const { path, pathInside } = this.#folder;
    return imageContainer({
      id: this.#id,
      digest: digestOf(record),
      settings: record.settings,
      busyMs: record.settings.timeoutMs,
      uid: this.#place.uid,
      env: { REQUEST_ID: pathInside.slice(pathInside.lastIndexOf('/') + 1), CONTEXT_PATH: pathInside },
      mounts: [{ source: path, target: pathInside, readOnly: false }],
    });
  }

  /** Kills and removes the container, and says why the call has no answer. */
  async #failed(error: unknown): Promise<ExecutionFailure> {
    const { images, logger } = this.#options;
    const { record, signal } = this.#call;
    if (error instanceof GivenUp) {
      if (this.#isStarted) return new ExecutionFailure(error.reason, this.#removed(OUTPUT_BYTES, true));
      this.#abort.abort(error);
      void this.#removed(0, true);
      return new ExecutionFailure(error.reason);
    }
    void this.#removed(0, true);
    if (error instanceof ImageError) {
      images.forget(digestOf(record));
      return new ExecutionFailure({ type: 'refused', error: imageGone(record.ref.name, error) });
    }
    if (error instanceof ProgramError)
      return new ExecutionFailure({ type: 'ended', message: NO_PROGRAM, exit: undefined, stderr: '' });
    if (error instanceof DriverError) {
      if (error.kind === 'unavailable')
        return new ExecutionFailure({ type: 'refused', error: driverUnavailable() });
      logger.error({ err: error, function: record.ref.name }, 'a container could not be started');
      return new ExecutionFailure({ type: 'refused', error: cannotStart(error) });
    }
    return new ExecutionFailure(refusedOrGone(error, signal));
  }

  /** Removes the container, then the folder, then gives the place back. Resolves with what the container wrote. */
  async #removed(outputBytes: number, urgent = false): Promise<ContainerOutput> {
    const { driver, logger } = this.#options;
    // After a start that was given up the container may still come into being.
    let isGone = this.#isStarted;
    try {
      if (isGone) await this.#starting.catch(() => undefined);
      return await driver.remove(this.#id, { outputBytes, urgent });
    } catch (err) {
      isGone = false;
      logger.warn({ err, id: this.#id }, 'a container could not be removed; trying again later');
      return NO_OUTPUT;
    } finally {
      this.#folder.release(isGone);
      this.#place.release();
    }
  }
}

/** Id of the function's image. Throws CODE_UNAVAILABLE for a function that was registered without one. */
function digestOf({ active: { source }, ref }: FunctionRecord): string {
  if (source.type === 'image' && source.digest !== null) return source.digest;
  throw withoutImage(ref.name);
}

const NO_OUTPUT: ContainerOutput = { stdout: '', stderr: '' };

function resultOf(file: ReturnType<typeof readResponseFile>): CallResult {
  if (file.type === 'content')
    return { type: 'response', statusCode: 200, headers: HEADERS, body: file.body };
  const { kind, message } = file;
  return { type: 'error', kind, error: { name: 'Error', message, stack: '' } };
}

function refusedOrGone(error: unknown, signal: AbortSignal): FailureReason {
  if (error instanceof GlambdarError) return { type: 'refused', error };
  if (signal.aborted) return { type: 'cancelled' };
  return { type: 'unknown', cause: error };
}

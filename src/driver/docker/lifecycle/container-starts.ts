/**
 * Owns the starts under way: create, then start, and nothing else on that path. A start can be given up at any moment; what
 * it may have made by then is removed behind the caller's back.
 */
import type { ContainerCreateOptions, Engine } from '../engine/engine.js';
import { DriverError } from '../../driver.js';
import { statusOf } from '../engine/docker-error.js';
import { faultPoint } from '../../../faults.js';

export interface ContainerStartsOptions {
  engine: Pick<Engine, 'createContainer' | 'startContainer'>;
  /** Removes by name or id; one that does not exist is success. */
  remove: (name: string) => Promise<void>;
  /** Makes the image again after somebody removed it. */
  renewImage: () => Promise<void>;
  /** A removal failed: the container is the reaper's. */
  onLeft: (error: unknown) => void;
}

interface Attempt {
  givenUp: boolean;
}

/** All starts of one driver. */
export class ContainerStarts {
  readonly #options: ContainerStartsOptions;
  /** Rejects the starts under way. */
  readonly #giveUps = new Set<(error: DriverError) => void>();
  readonly #removals = new Set<Promise<void>>();
  #renewing: Promise<void> | undefined;

  constructor(options: ContainerStartsOptions) {
    this.#options = options;
  }

  /**
   * Rejects as soon as `signal` aborts or `rejectAll` is called.
   * @param createOptions asked again when the image was renewed
   * @returns the container's id
   */
  async start(
    name: string,
    createOptions: () => ContainerCreateOptions,
    signal: AbortSignal,
  ): Promise<string> {
    let giveUp = (_error: DriverError): void => undefined;
    const givenUp = new Promise<never>((_resolve, reject) => (giveUp = reject));
    const onAbort = (): void =>
      giveUp(new DriverError('failed', 'The start was given up.', { cause: signal.reason }));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#giveUps.add(giveUp);
    const attempt: Attempt = { givenUp: signal.aborted };
    const making = signal.aborted ? givenUp : this.#make(createOptions, attempt);
    try {
      return await Promise.race([making, givenUp]);
    } catch (error) {
      attempt.givenUp = true;
      this.#removeAfter(making, name);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#giveUps.delete(giveUp);
    }
  }

  /** Gives up all starts under way. */
  rejectAll(error: DriverError): void {
    for (const giveUp of this.#giveUps) giveUp(error);
  }

  /** Whether removals of failed starts are still to come. */
  get busy(): boolean {
    return this.#removals.size > 0;
  }

  /** Resolves when what failed starts made is removed, or left to the reaper. */
  async settled(): Promise<void> {
    await Promise.all(this.#removals);
  }

  async #make(createOptions: () => ContainerCreateOptions, attempt: Attempt): Promise<string> {
    const containerId = await this.#create(createOptions);
    faultPoint('container.created');
    if (!attempt.givenUp) await this.#options.engine.startContainer(containerId);
    faultPoint('container.started');
    return containerId;
  }

  async #create(createOptions: () => ContainerCreateOptions): Promise<string> {
    const { engine, renewImage } = this.#options;
    try {
      return await engine.createContainer(createOptions());
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      // The operator removed the image: once for all who find out, then go on.
      this.#renewing ??= renewImage().finally(() => (this.#renewing = undefined));
      await this.#renewing;
      return await engine.createContainer(createOptions());
    }
  }

  /**
   * Aborting the request would not undo it: a frozen daemon still creates the container when it wakes. So the request goes on,
   * and its container is removed when the answer comes; what escapes this is the reaper's.
   */
  #removeAfter(making: Promise<unknown>, name: string): void {
    const removal = making
      .catch(() => undefined)
      .then(() => this.#options.remove(name))
      .catch(this.#options.onLeft)
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }
}

/**
 * Owns the starts under way: create, then start, and no other request to the daemon. A start can be given up at any moment;
 * the container it may have made by then is removed behind the caller's back.
 */
import type { ContainerCreateOptions, Engine } from '../engine/engine.js';
import { DriverError } from '../../driver.js';
import { statusOf } from '../engine/docker-error.js';
import { faultPoint } from '../../../faults.js';

export interface ContainerStartsOptions {
  engine: Pick<Engine, 'createContainer' | 'startContainer'>;
  /** Removes a container by name; one that does not exist is success. */
  remove: (name: string) => Promise<void>;
  /** A removal failed: the container is the reaper's. */
  onLeft: (error: unknown) => void;
}

export interface WantedContainer {
  options: ContainerCreateOptions;
  /** Makes the image again after somebody removed it; resolves with options for the new one. */
  renewed: () => Promise<ContainerCreateOptions>;
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

  constructor(options: ContainerStartsOptions) {
    this.#options = options;
  }

  /**
   * Rejects as soon as `signal` aborts or `rejectAll` is called.
   * @returns Docker's id of the container
   */
  async start(name: string, wanted: WantedContainer, signal: AbortSignal): Promise<string> {
    let giveUp = (_error: DriverError): void => undefined;
    const givenUp = new Promise<never>((_resolve, reject) => (giveUp = reject));
    const onAbort = (): void =>
      giveUp(new DriverError('failed', 'The start was given up.', { cause: signal.reason }));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#giveUps.add(giveUp);
    const attempt: Attempt = { givenUp: signal.aborted };
    const making = signal.aborted ? givenUp : this.#make(wanted, attempt);
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

  /** Resolves when the containers of failed starts are removed, or left to the reaper. */
  async settled(): Promise<void> {
    await Promise.all(this.#removals);
  }

  async #make(wanted: WantedContainer, attempt: Attempt): Promise<string> {
    const dockerId = await this.#create(wanted);
    faultPoint('container.created');
    if (!attempt.givenUp) await this.#options.engine.startContainer(dockerId);
    faultPoint('container.started');
    return dockerId;
  }

  async #create({ options, renewed }: WantedContainer): Promise<string> {
    const { engine } = this.#options;
    try {
      return await engine.createContainer(options);
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      return await engine.createContainer(await renewed());
    }
  }

  /**
   * Aborting the request would not undo it: a frozen daemon still creates the container when it wakes. So the request goes on,
   * and its container is removed when the answer comes; a container that escapes this is the reaper's.
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

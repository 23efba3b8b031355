/**
 * Owns starting a worker: the worker's files are repaired if necessary, the slot is opened, the container is started, the
 * worker connects and sends `ready`.
 */
import { deadline, type Clock } from '../clock.js';
import type { Driver } from '../driver/driver.js';
import { faultPoint } from '../faults.js';
import { openSlot, type SlotSocket } from './slot-socket.js';
import { WorkerConnection } from './wire/worker-connection.js';
import { InstanceFailure } from './instance-failure.js';
import { workerContainer, type WorkerContainerOptions } from './worker-container.js';

/** Runs work that writes to the disk; if the disk is full, makes room and runs it again. Failed work must leave nothing behind. */
export type WithRoom = <T>(work: () => T | Promise<T>) => Promise<T>;

export interface WorkerStartOptions {
  driver: Driver;
  container: WorkerContainerOptions;
  clock: Clock;
  startTimeoutMs: number;
  maxBodyBytes: number;
  withRoom: WithRoom;
  /** Aborting it ends the start; a start that cannot go on aborts it. */
  life: AbortController;
  /** Called with the driver's promise of the start, which may settle after the worker is ready. */
  onStarting: (started: Promise<void>) => void;
}

/**
 * Resolves when the worker is ready, even if the driver has not yet answered the request to start.
 * Rejects with DriverError, InstanceFailure, ConnectionLost, or the reason of the abort. The connection it resolves with
 * may already be lost.
 */
export async function startWorker(options: WorkerStartOptions): Promise<WorkerConnection> {
  const { driver, container, clock, startTimeoutMs, withRoom, life } = options;
  const { signal } = life;
  const cancelDeadline = deadline(clock, startTimeoutMs, () =>
    life.abort(new InstanceFailure(`the worker was not ready after ${startTimeoutMs} ms`)),
  );
  const stopListening = driver.onExit(container.id, (exit) => {
    life.abort(new InstanceFailure('the container ended before its worker was ready', { exit }));
  });
  let slot: SlotSocket | undefined;
  try {
    const prepare = (): SlotSocket => {
      container.runtime.repair();
      return openSlot(container.slotDir, container.uid);
    };
    try {
      slot = prepare();
    } catch {
      slot = await withRoom(prepare);
      signal.throwIfAborted();
    }
    faultPoint('instance.slot');
    const started = driver.start(workerContainer(container), signal);
    started.catch((error: unknown) => life.abort(error));
    options.onStarting(started);
    const connection = new WorkerConnection(await slot.accept(signal), options.maxBodyBytes);
    const destroy = (): void => connection.destroy();
    signal.addEventListener('abort', destroy, { once: true });
    await connection.ready().catch((error: unknown) => {
      throw signal.aborted ? signal.reason : error;
    });
    signal.removeEventListener('abort', destroy);
    signal.throwIfAborted();
    return connection;
  } finally {
    cancelDeadline();
    stopListening();
    slot?.close();
  }
}

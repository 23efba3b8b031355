/** Owns how a worker comes to be: its slot is opened, its container started, its connection taken, its `ready` heard. */
import type { ContainerSpec, Driver } from '../driver/driver.js';
import { deadline, type Clock } from '../clock.js';
import { faultPoint } from '../faults.js';
import { openSlot, type SlotSocket } from './slot-socket.js';
import { WorkerConnection } from './wire/worker-connection.js';
import { InstanceFailure } from './instance-failure.js';

/** Runs work that needs the disk, once more after making room when it is full. `work` leaves nothing behind when it fails. */
export type WithRoom = <T>(work: () => T | Promise<T>) => Promise<T>;

export interface HandshakeOptions {
  driver: Driver;
  spec: ContainerSpec;
  clock: Clock;
  startTimeoutMs: number;
  maxBodyBytes: number;
  withRoom: WithRoom;
  /** Its abort ends the start; a start that cannot go on aborts it. */
  life: AbortController;
  /** The engine has been asked; settles when it has answered, which may be after the worker is ready. */
  onStarting: (started: Promise<void>) => void;
}

/**
 * The worker may be ready before the engine has answered the start request; that answer is not waited for.
 * Rejects with DriverError, InstanceFailure, ConnectionLost, or the reason of the abort. What comes back may be lost already.
 */
export async function startWorker(options: HandshakeOptions): Promise<WorkerConnection> {
  const { driver, spec, clock, startTimeoutMs, withRoom, life } = options;
  const { signal } = life;
  const cancelDeadline = deadline(clock, startTimeoutMs, () =>
    life.abort(new InstanceFailure(`the worker was not ready after ${startTimeoutMs} ms`)),
  );
  const stopListening = driver.onExit(spec.instanceId, (exit) => {
    life.abort(new InstanceFailure('the container ended before its worker was ready', { exit }));
  });
  let slot: SlotSocket | undefined;
  try {
    try {
      slot = openSlot(spec.slotDir);
    } catch {
      slot = await withRoom(() => openSlot(spec.slotDir));
      signal.throwIfAborted();
    }
    faultPoint('instance.slot');
    const started = driver.start(spec, signal);
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

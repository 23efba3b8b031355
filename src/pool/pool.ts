/**
 * Owns all instances and the queue before them: carries out what the scheduler decides. Running a call is the
 * invoker's; how a container is made is the driver's.
 *
 * | Failure                                  | Instance          | The invocation                                | Queue                       |
 * |------------------------------------------|-------------------|-----------------------------------------------|-----------------------------|
 * | start or handshake fails                 | stopped           | platform error after one retry on another     | stays, another start begins |
 * | the driver is unavailable                | stopped           | DRIVER_UNAVAILABLE at once                    | all rejected the same       |
 * | load fails (user code)                   | stopped           | LOAD_FAILED with the user's message           | untouched                   |
 * | throw / reject                           | stopped or idle   | FUNCTION_ERROR                                | untouched                   |
 * | deadline                                 | killed            | INVOCATION_TIMEOUT                            | untouched                   |
 * | worker dies, breaks protocol, OOM        | stopped           | INSTANCE_CRASHED / OUT_OF_MEMORY, no retry    | untouched                   |
 * | client disconnects                       | aborted, killed   | cancelled                                     | its place is given back     |
 */
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { DriverError, profileKey, type ContainerOutput } from '../driver/driver.js';
import type { LogSink } from '../ipc/worker-connection.js';
import type { Logger } from '../logger.js';
import { Fleet, type FleetOptions } from './fleet.js';
import type { Instance } from './instance.js';
import type { InstanceState } from './instance-state.js';
import { Lease, type Keep, type StartKind } from './lease.js';
import { Queue } from './queue.js';
import { atCapacity, driverUnavailable, stopping, waitedTooLong } from './refusal.js';
import { decide, type SchedulerLimits } from './scheduler.js';
import { Waiter, type AcquireTimes, type PoolRequest } from './waiter.js';

export interface PoolOptions extends FleetOptions {
  limits: SchedulerLimits;
  loadTimeoutMs: number;
  queueTimeoutMs: number;
  logger: Logger;
}

export class Pool {
  #options: PoolOptions;
  #fleet: Fleet;
  #queue: Queue;
  #closing = false;
  #unwatch: () => void;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#queue = new Queue(options.limits.maxStarting);
    this.#fleet = new Fleet(options, () => {
      if (!this.#closing) this.#pump();
    });
    this.#unwatch = options.driver.onHealth((health) => {
      if (!health.available) this.#queue.rejectAll(driverUnavailable());
    });
  }

  /** Instances by state, for gauges and tests. */
  counts(): Record<InstanceState, number> {
    return this.#fleet.counts();
  }

  /** Requests that wait. */
  get queueLength(): number {
    return this.#queue.length;
  }

  /**
   * Throws AT_CAPACITY when a new request would be refused, DRIVER_UNAVAILABLE while the driver is. For use before a
   * body is read. @param first see `PoolRequest`
   */
  assertAdmits(first = false): void {
    const { driver, limits } = this.#options;
    if (this.#closing) throw stopping();
    if (!driver.health().available) throw driverUnavailable();
    if (!first && this.#queue.length >= limits.maxWaiting + limits.maxStarting)
      throw atCapacity(this.#queue.retryAfterSeconds());
  }

  /**
   * An instance with the code loaded, reserved for one call. Rejects with GlambdarError (AT_CAPACITY,
   * DRIVER_UNAVAILABLE, STOPPING), LoadFailure (user code), InstanceFailure (died or stalled while loading), or the
   * signal's reason.
   */
  async acquire(request: PoolRequest): Promise<Lease> {
    request.signal.throwIfAborted();
    this.assertAdmits(request.first);
    const { runDir, queueTimeoutMs, withRoom } = this.#options;
    const waiter: Waiter<Lease> = new Waiter({
      request,
      profileKey: profileKey(request.profile),
      treeDir: join(runDir, `tree-${randomBytes(8).toString('hex')}`),
      withRoom,
      queueTimeoutMs,
      late: () => waitedTooLong(queueTimeoutMs, this.#queue.retryAfterSeconds()),
      onGone: () => this.#queue.drop(waiter),
    });
    this.#queue.add(waiter);
    this.#pump();
    return waiter.promise;
  }

  /** Stops idle instances that hold code of this key, for instance after a redeploy or delete. Resolves when they are gone. */
  async evict(codeKey: string): Promise<void> {
    const idle = this.#fleet.list().filter((i) => i.state === 'idle' && i.codeKey === codeKey);
    await Promise.all(idle.map((instance) => this.#fleet.stop(instance)));
  }

  /** Lets nobody in, rejects who waits; calls under way go on. */
  drain(): void {
    this.#closing = true;
    this.#queue.rejectAll(stopping());
  }

  /** Stops every instance; calls under way are rejected with STOPPING. */
  async destroy(): Promise<void> {
    this.drain();
    this.#unwatch();
    await this.#fleet.stopAll();
  }

  /** Serves the queue in order, as far as it goes. Called after everything that could change an answer. */
  #pump(): void {
    const promised = new Map<string, number>();
    const limits = this.#queue.widened(this.#options.limits);
    let waiting = 0;
    for (const waiter of this.#queue.list()) {
      const key = waiter.profileKey;
      const decision = decide(
        { profileKey: key, codeKey: waiter.request.code.key, reuse: waiter.request.reuse },
        { instances: this.#fleet.list(), promised: promised.get(key) ?? 0, limits, waiting },
      );
      switch (decision.kind) {
        case 'use':
          this.#use(waiter, this.#fleet.get(decision.instanceId));
          break;
        case 'load':
          void this.#load(waiter, this.#fleet.get(decision.instanceId));
          break;
        case 'evict':
          void this.#fleet.stop(this.#fleet.get(decision.instanceId));
          waiting += 1;
          break;
        case 'start':
          this.#start(waiter, promised);
          break;
        case 'wait':
          if (decision.promised) promised.set(key, (promised.get(key) ?? 0) + 1);
          else waiting += 1;
          break;
        case 'reject':
          this.#queue.drop(waiter);
          waiter.reject(atCapacity(this.#queue.retryAfterSeconds()));
          break;
      }
    }
    this.#trim();
  }

  /** A standby nobody waits for (its caller has gone) is not kept. */
  #trim(): void {
    if (this.#queue.length > 0) return;
    for (const instance of this.#fleet.list()) {
      if (instance.state === 'standby') void this.#fleet.stop(instance);
    }
  }

  #use(waiter: Waiter<Lease>, instance: Instance): void {
    this.#queue.drop(waiter);
    const queueMs = performance.now() - waiter.arrivedAt;
    const start = instance.calls > 0 ? 'warm' : 'loaded';
    this.#give(waiter, instance, start, { queueMs, startMs: 0, loadMs: 0 });
  }

  async #load(waiter: Waiter<Lease>, instance: Instance): Promise<void> {
    this.#queue.drop(waiter);
    waiter.stopWaiting();
    waiter.onGone = () => void this.#fleet.stop(instance);
    const { code } = waiter.request;
    instance.reserve(code.key);
    const now = performance.now();
    const begun = waiter.startBegunAt;
    const times = {
      queueMs: (begun ?? now) - waiter.arrivedAt,
      startMs: begun === null ? 0 : now - begun,
      loadMs: 0,
    };
    const logs: Parameters<LogSink>[] = [];
    try {
      const tree = await waiter.tree();
      await instance.load(tree, code.load, this.#options.loadTimeoutMs, (stream, text) =>
        // A copy: the text is a view into a read buffer that would be kept alive as a whole.
        logs.push([stream, Buffer.from(text)]),
      );
      times.loadMs = performance.now() - now;
      this.#give(waiter, instance, begun === null ? 'standby' : 'cold', times, logs);
    } catch (error) {
      const failure = await Lease.explain(instance, error);
      void this.#fleet.stop(instance);
      waiter.reject(failure);
    }
  }

  #give(
    waiter: Waiter<Lease>,
    instance: Instance,
    start: StartKind,
    times: AcquireTimes,
    logs: Parameters<LogSink>[] = [],
  ): void {
    instance.begin();
    const lease = new Lease(instance, start, times, logs, (...how) => this.#release(instance, ...how));
    if (!waiter.resolve(lease)) void lease.release(false);
  }

  #start(waiter: Waiter<Lease>, promised: Map<string, number>): void {
    const { request } = waiter;
    promised.set(waiter.profileKey, (promised.get(waiter.profileKey) ?? 0) + 1);
    waiter.startBegunAt ??= performance.now();
    const begunAt = performance.now();
    const instance = this.#fleet.create(request.profile);
    waiter.tree().catch((error: unknown) => {
      this.#queue.drop(waiter);
      waiter.reject(error);
    });
    instance.start().then(
      () => {
        this.#queue.startTook(performance.now() - begunAt);
        this.#pump();
      },
      (error: unknown) => this.#startFailed(instance, error),
    );
  }

  #startFailed(instance: Instance, error: unknown): void {
    void this.#fleet.stop(instance);
    if (this.#closing) return;
    this.#options.logger.error({ err: error, instance: instance.id }, 'a container could not be started');
    if (error instanceof DriverError && error.kind === 'unavailable')
      this.#queue.rejectAll(driverUnavailable());
    else this.#queue.startFailed(instance.profileKey, error);
    this.#pump();
  }

  /** After a call. Resolves with the container's own output when the instance is not kept. */
  async #release(instance: Instance, keep: Keep, readOutput: boolean): Promise<ContainerOutput> {
    if (keep === false || this.#closing || !this.#fleet.isReusable(instance))
      return this.#fleet.stop(instance, readOutput);
    this.#fleet.keep(instance);
    this.#pump();
    if (keep === 'for-who-waits' && instance.state === 'idle') return this.#fleet.stop(instance, readOutput);
    return { stdout: '', stderr: '' };
  }
}

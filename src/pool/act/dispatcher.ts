/**
 * Owns the requests for instances: carries out what the scheduler decides, from a request's coming until its instance
 * is given back.
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
import { DriverError, type ContainerOutput } from '../../driver/driver.js';
import type { Profile } from '../../model/profile.js';
import type { Logger } from '../../logger.js';
import { Admission, type PoolLimits } from './admission.js';
import type { Demands } from '../decide/demands.js';
import type { Fleet } from './fleet.js';
import type { Instance } from '../../instance/instance.js';
import { KEPT, Lease, type Keep } from './lease.js';
import type { Lull } from './lull.js';
import { CHECKS, type Queue } from '../decide/queue.js';
import { driverUnavailable, stopping } from './refusal.js';
import type { Replenisher } from './replenisher.js';
import { decide, type Decision } from '../decide/scheduler.js';
import { startKindOf, timesOf, wasAhead } from './start-kind.js';
import type { TreeStock } from './tree-stock.js';
import { Waiter, type PoolRequest } from './waiter.js';

export interface DispatcherOptions {
  fleet: Fleet;
  queue: Queue;
  trees: TreeStock;
  demands: Demands;
  replenisher: Replenisher;
  limits: PoolLimits;
  lull: Lull;
  available: () => boolean;
  loadTimeoutMs: number;
  queueTimeoutMs: number;
  logger: Logger;
}

const NONE: ReadonlySet<string> = new Set<string>();

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #admission: Admission;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#admission = new Admission(options);
  }

  /** See `Pool.assertAdmits`. */
  assertAdmits(flow: string): void {
    this.#admission.assertOpen();
    if (this.#options.queue.has(flow) && !this.#admission.admits(flow)) throw this.#admission.refusal(flow);
  }

  async acquire(request: PoolRequest): Promise<Lease> {
    request.signal.throwIfAborted();
    this.#admission.assertOpen();
    const { fleet, queue, demands, trees, lull, queueTimeoutMs } = this.#options;
    const { workload, check = false } = request;
    const flow = check ? CHECKS : workload.flow;
    const now = performance.now();
    if (!queue.has(flow)) {
      const decision = this.#decide(request, fleet.list());
      if (decision.kind === 'use') {
        if (!check) demands.arrived(workload, now);
        return this.#lease(request, fleet.get(decision.instanceId), now);
      }
    }
    const waiter: Waiter<Lease> = new Waiter({
      request,
      trees,
      queueTimeoutMs,
      late: () => this.#admission.late(flow),
      onGone: () => queue.drop(waiter),
    });
    const admitted = check || this.#admission.admits(flow);
    queue.add(waiter, flow);
    lull.end();
    this.pump();
    if (!admitted && waiter.claim === null && queue.holds(waiter)) {
      queue.drop(waiter);
      waiter.reject(this.#admission.refusal(flow));
    } else if (!check) demands.arrived(workload, now);
    return waiter.promise;
  }

  /** Lets nobody in, rejects who waits; calls under way go on. */
  drain(): void {
    this.#admission.close();
    this.#options.queue.rejectAll(stopping());
  }

  /** Serves the queue in order of turns, as far as it goes. To be called after everything that could change an answer. */
  pump(): void {
    if (this.#admission.closed) return;
    const { fleet, queue, replenisher } = this.#options;
    // Functions whose turn it is for a refill come first.
    if (queue.length > this.#admission.provided) replenisher.run(true);
    const instances = fleet.list();
    const claimed = new Set<string>();
    /** Code nothing can be done for now, whoever asks. */
    const blocked = new Set<string>();
    let waiting = 0;
    let checks = 0;
    for (const { waiter, flow } of queue.list()) {
      const { key } = waiter.request.workload.code;
      waiter.claim = null;
      if (!blocked.has(key)) {
        const decision = this.#decide(waiter.request, instances, claimed, waiting);
        if (this.#carryOut(decision, waiter, instances)) continue;
        if (decision.kind === 'wait' && decision.claims === null) blocked.add(key);
      }
      if (waiter.claim !== null) claimed.add(waiter.claim);
      else if (flow === CHECKS) checks += 1;
      else waiting += 1;
    }
    this.#admission.provided = claimed.size + checks;
    replenisher.poke();
  }

  /** Begins to start an instance. @param intendedFor see `InstanceView` */
  start(profile: Profile, intendedFor: string | null): Instance {
    const { fleet, demands, replenisher } = this.#options;
    const instance = fleet.create(profile, intendedFor);
    instance.start().then(
      () => {
        demands.startTook(performance.now() - instance.moments.created);
        replenisher.startWorked();
        if (instance.intendedFor !== null) void replenisher.loadSoon(instance);
        this.pump();
      },
      (error: unknown) => this.#startFailed(instance, error),
    );
    return instance;
  }

  #decide({ workload }: PoolRequest, instances: Instance[], claimed = NONE, waiting = 0): Decision {
    const { demands } = this.#options;
    const { profileKey, code, reuse, flow } = workload;
    const worth = demands.worths(flow, instances, this.#options.limits.maxInstances);
    const limits = demands.limitsFor(flow, instances, this.#options.limits);
    for (;;) {
      const snapshot = { instances, claimed, limits, waiting, worth };
      const decision = decide({ profileKey, codeKey: code.key, reuse }, snapshot);
      if (decision.kind !== 'load') return decision;
      const standby = this.#options.fleet.get(decision.instanceId);
      if (standby.hasSlot) return decision;
      void this.#options.fleet.stop(standby);
    }
  }

  /** Returns whether the waiter is out of the queue. */
  #carryOut(decision: Decision, waiter: Waiter<Lease>, instances: Instance[]): boolean {
    const { fleet, queue } = this.#options;
    const { profile, code } = waiter.request.workload;
    switch (decision.kind) {
      case 'use':
        queue.served(waiter, performance.now(), wasAhead(fleet.get(decision.instanceId), code.key));
        this.#give(waiter, fleet.get(decision.instanceId));
        return true;
      case 'load':
        void this.#load(waiter, fleet.get(decision.instanceId));
        return true;
      case 'evict':
        void fleet.stop(fleet.get(decision.instanceId));
        return false;
      case 'start': {
        const instance = this.start(profile, null);
        instances.push(instance);
        waiter.claim = instance.id;
        // While the container starts there is time for it.
        waiter.tree().catch((error: unknown) => {
          queue.drop(waiter);
          waiter.reject(error);
        });
        return false;
      }
      case 'wait':
        waiter.claim = decision.claims;
        return false;
    }
  }

  async #load(waiter: Waiter<Lease>, instance: Instance): Promise<void> {
    const { fleet, queue, demands, loadTimeoutMs } = this.#options;
    const { code } = waiter.request.workload;
    queue.served(waiter, performance.now(), wasAhead(instance, code.key));
    waiter.stopWaiting();
    waiter.onGone = () => void fleet.stop(instance);
    instance.reserve(code.key, false);
    try {
      await instance.load(await waiter.tree(), code.load, loadTimeoutMs);
      demands.of(code.key)?.worked();
      this.#give(waiter, instance);
    } catch (error) {
      const failure = await Lease.explain(instance, error);
      void fleet.stop(instance);
      waiter.reject(failure);
    }
  }

  #give(waiter: Waiter<Lease>, instance: Instance): void {
    const lease = this.#lease(waiter.request, instance, waiter.arrivedAt);
    if (!waiter.resolve(lease)) void lease.release(false);
  }

  #lease({ workload, check }: PoolRequest, instance: Instance, arrivedAt: number): Lease {
    const { demands, replenisher, lull } = this.#options;
    const now = performance.now();
    lull.noted(now);
    const start = startKindOf(instance, arrivedAt);
    const times = timesOf(instance, arrivedAt, now);
    if (!check) {
      instance.begin();
      if (start === 'loaded') replenisher.took(workload.code.key, now);
      else if (start !== 'warm') demands.missed(workload.profileKey, now);
      replenisher.poke();
    }
    const logs = check ? [] : instance.loadLogs.take();
    const release: Lease['release'] = (keep, read = false) => this.#release(instance, keep, read);
    return new Lease(instance, start, times, logs, release);
  }

  /** After a call. Resolves with the container's own output when the instance is not kept. */
  #release(instance: Instance, keep: Keep, readOutput: boolean): Promise<ContainerOutput> {
    const { fleet, demands, lull } = this.#options;
    lull.noted(performance.now());
    if (keep !== false && !this.#admission.closed) {
      if (instance.state === 'idle') return KEPT;
      if (fleet.isReusable(instance)) {
        demands.of(instance.codeKey ?? '')?.wasAway(performance.now() - instance.since);
        fleet.keep(instance);
        this.pump();
        if (keep === true || fleet.isBusy(instance)) return KEPT;
      }
    }
    return fleet.stop(instance, readOutput);
  }

  #startFailed(instance: Instance, error: unknown): void {
    const { fleet, queue, replenisher, logger } = this.#options;
    void fleet.stop(instance);
    if (this.#admission.closed) return;
    logger.error({ err: error, instance: instance.id }, 'a container could not be started');
    replenisher.startFailed(performance.now());
    if (error instanceof DriverError && error.kind === 'unavailable') queue.rejectAll(driverUnavailable());
    else queue.startFailed(instance.id, error);
    this.pump();
  }
}

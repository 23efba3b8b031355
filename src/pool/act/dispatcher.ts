/**
 * Owns carrying out decisions: takes a snapshot, asks `decide`, and does the actions. Requests get their instances here,
 * and return them here.
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
 * | any of these, with calls sent behind it  | as above          | those that have not begun wait again          | one more for each of them   |
 * | a start ahead of calls fails             | stopped           |                                               | tried again after a pause   |
 */
import type { Clock } from '../../clock.js';
import { DriverError, type ContainerOutput } from '../../driver/driver.js';
import type { Profile } from '../../model/function/profile.js';
import type { Instance } from '../../instance/instance.js';
import type { Logger } from '../../logger.js';
import { decide } from '../decide/decide.js';
import { mayServe, serve, type Need, type Offer } from '../decide/serve.js';
import type { Action, PoolLimits, RequestView, Snapshot } from '../decide/snapshot.js';
import { BackOff } from '../demand/back-off.js';
import type { Demands } from '../demand/demands.js';
import type { Place, Queue } from '../../turns/queue.js';
import { WaitingRoom } from '../../turns/waiting-room.js';
import { driverUnavailable, stopping } from '../../model/call/refusal.js';
import { CHECKS, InstanceWaiter, type PoolRequest } from '../requests/instance-waiter.js';
import type { Workload } from '../workload.js';
import type { Fleet } from './fleet.js';
import { KEPT, Lease } from './lease.js';
import { Loader, type LoaderOptions } from './loader.js';
import type { Lull } from './lull.js';
import type { MemoryLedger } from './memory-ledger.js';
import { ShortCalls } from './short-calls.js';
import { startKindOf, timesOf, wasAhead } from './start-kind.js';

/** The first and the longest pause of starts ahead of calls after failures. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export interface DispatcherOptions extends Omit<LoaderOptions, 'refills' | 'onReady'> {
  fleet: Fleet;
  queue: Queue<InstanceWaiter>;
  demands: Demands;
  ledger: MemoryLedger;
  limits: PoolLimits & { readonly maxWaiting: number };
  lull: Lull;
  clock: Clock;
  available: () => boolean;
  queueTimeoutMs: number;
  /** See `Snapshot`. */
  memoryBudgetBytes: number;
  surplusMs: number;
  keepAliveMs: number;
  logger: Logger;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #room: WaitingRoom;
  readonly #loader: Loader;
  readonly #shortCalls: ShortCalls;
  /** When starts ahead of calls may go on after failures. */
  readonly #starts = new BackOff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  /** Keys of code that is no function's active code any more and that some instance still holds. */
  readonly #retired = new Set<string>();
  /** Ids of instances that compute although nothing was asked of them. */
  #restless: ReadonlySet<string> = new Set();
  /** The offer to a call that has not queued: only idle instances, and no limit is counted. Most calls need no more. */
  readonly #firstSight: Offer<Instance> & { codeKey: string };
  #refilling = false;
  #poked = false;
  #passing = false;
  #again = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#room = new WaitingRoom(options);
    this.#loader = new Loader({ ...options, refills: () => this.#refilling, onReady: () => this.pass() });
    this.#shortCalls = new ShortCalls(options, () => this.pass());
    const { demands, fleet } = options;
    this.#firstSight = {
      codeKey: '',
      now: 0,
      instances: fleet.all,
      isClaimed: () => false,
      maxInstances: () => 0,
      maxStarting: () => 0,
      unserved: 0,
      atOnce() {
        return demands.atOnce(this.codeKey);
      },
      victim: () => undefined,
    };
  }

  /** Begins to make instances ready ahead of calls. */
  open(): void {
    this.#refilling = true;
    this.poke();
  }

  /** See `Pool.assertAdmits`. */
  assertAdmits(flow: string): void {
    this.#room.assertOpen();
    if (this.#options.queue.has(flow) && !this.#room.admits(flow)) throw this.#room.refusal(flow);
  }

  /** See `Pool.acquire`. */
  acquire(request: PoolRequest): Lease | Promise<Lease> {
    request.signal.throwIfAborted();
    this.#room.assertOpen();
    const { queue, demands, clock } = this.#options;
    const { workload, check = false } = request;
    const flow = check ? CHECKS : workload.flow;
    // The candidate may have the version number of an earlier candidate that was not published.
    if (check) this.#retired.delete(workload.code.key);
    const now = clock.now();
    if (!queue.has(flow)) {
      const instance = this.#ready(workload, now);
      if (instance) {
        if (isNew(request)) demands.arrived(workload, now);
        return this.#lease(request, instance, request.waitingSince ?? now, now);
      }
    }
    return this.#wait(request, flow, now);
  }

  /** Queues a request that found no instance ready. */
  #wait(request: PoolRequest, flow: string, now: number): Promise<Lease> {
    const { queue, demands, trees, lull, clock, queueTimeoutMs } = this.#options;
    const { workload, check = false, waitingSince } = request;
    const waiter: InstanceWaiter = new InstanceWaiter({
      request,
      arrivedAt: waitingSince,
      signal: request.signal,
      clock,
      trees,
      queueTimeoutMs,
      late: () => this.#room.late(flow),
      onGone: () => queue.drop(waiter),
    });
    const admitted = !isNew(request) || this.#room.admits(flow);
    queue.add(waiter, flow);
    lull.noted(now);
    // While as many calls of the function run as may, a pass changes nothing: the next call that ends hands over its instance.
    if (check || !this.#shortCalls.areEnough(workload, now)) {
      this.pass();
      // A call that got a standby is not helped by a start or a removal: those would compete with its load.
      if (queue.holds(waiter)) lull.end();
    }
    if (workload.reuse) this.#shortCalls.watch(workload, now);
    if (!admitted && waiter.claim === null && queue.holds(waiter)) {
      queue.drop(waiter);
      waiter.reject(this.#room.refusal(flow));
    } else if (isNew(request)) demands.arrived(workload, now);
    return waiter.promise;
  }

  /** Something changed after which more instances, or fewer, may be wanted: makes a quiet pass when calls pause. */
  poke(): void {
    if (!this.#refilling || this.#poked) return;
    this.#poked = true;
    void this.#options.lull.wait().then(() => {
      this.#poked = false;
      this.pass(true);
    });
  }

  /**
   * Decides, and carries the actions out. To be called after everything that could change a decision.
   * @param quiet see `Snapshot`
   */
  pass(quiet = false): void {
    if (this.#room.closed) return;
    // An action may call back here, in the middle of a list of actions.
    if (this.#passing) {
      this.#again = true;
      return;
    }
    this.#passing = true;
    let changed = !quiet;
    try {
      this.#decideAndDo(quiet);
      while (this.#again) {
        this.#again = false;
        changed = true;
        this.#decideAndDo(false);
      }
    } finally {
      this.#passing = false;
    }
    if (changed) this.poke();
  }

  /** Stops these idle instances, which were found computing without a call. */
  stopRestless(instanceIds: ReadonlySet<string>): void {
    this.#restless = instanceIds;
    this.pass(true);
    this.#restless = new Set();
  }

  /** No new request will ask for this code. Resolves when its idle instances are gone. */
  async retire(codeKey: string): Promise<void> {
    const { fleet, demands, trees, queue } = this.#options;
    const flow = demands.of(codeKey)?.workload.flow;
    if (flow !== undefined) queue.forget(flow);
    this.#loader.forget(codeKey);
    demands.retire(codeKey);
    trees.drop(codeKey);
    const holding = fleet.all.filter((instance) => instance.codeKey === codeKey);
    if (holding.length > 0) this.#retired.add(codeKey);
    const idle = holding.filter(({ state }) => state === 'idle');
    this.pass(true);
    await Promise.all(
      idle.filter(({ state }) => state !== 'busy').map((instance) => fleet.stopped(instance)),
    );
  }

  /** This code is a function's active code, perhaps again: a version that was retired may come back. */
  activated(codeKey: string): void {
    this.#retired.delete(codeKey);
    this.poke();
  }

  /** An idle instance has ended of its own: its replacement waits for a pause, lest instances end and start in a loop. */
  lost(instance: Instance): void {
    const { demands, clock, logger } = this.#options;
    const { codeKey, state, calls } = instance;
    const demand = codeKey === null ? undefined : demands.of(codeKey);
    logger.warn(
      { function: demand?.workload.code.load.name, state },
      'an idle instance has ended of its own',
    );
    if (codeKey === null) this.#starts.pause(clock.now(), FIRST_PAUSE_MS);
    else if (calls === 0) demand?.loading.failed(clock.now());
  }

  /** An instance is gone: there is room for another. */
  stopped({ codeKey }: Instance): void {
    if (
      codeKey !== null &&
      this.#retired.has(codeKey) &&
      !this.#options.fleet.all.some((i) => i.codeKey === codeKey)
    )
      this.#retired.delete(codeKey);
    this.pass();
  }

  /** The driver is back: missing instances are replaced without a pause. */
  resume(): void {
    this.#starts.reset();
    this.#options.demands.forgive();
    this.poke();
  }

  /** Refuses new requests, rejects waiting ones, makes nothing ready any more; calls under way go on. */
  drain(): void {
    this.#refilling = false;
    this.#room.close();
    this.#options.queue.rejectAll(stopping());
  }

  #decideAndDo(quiet: boolean): void {
    const places = this.#options.queue.list();
    this.#do(decide(this.#snapshot(places, quiet)), new Map(places.map((place) => [place.id, place])));
  }

  #snapshot(places: readonly Place<InstanceWaiter>[], quiet: boolean): Snapshot {
    const { fleet, demands, ledger, queue, limits, clock, available } = this.#options;
    const { memoryBudgetBytes, surplusMs, keepAliveMs } = this.#options;
    const now = clock.now();
    const mayRefill = this.#refilling && available() && this.#starts.allows(now);
    let functions: ReturnType<Demands['functions']> | undefined;
    let byCode: Map<string, ReturnType<Demands['functions']>[number]> | undefined;
    const all = () => (functions ??= demands.functions(now, (flow) => queue.refillTurn(flow)));
    return {
      now,
      instances: fleet.all,
      requests: places.map(requestView),
      limits,
      severalCalled: () => demands.severalCalled(now),
      memoryBudgetBytes,
      surplusMs,
      keepAliveMs,
      mayRefill,
      quiet,
      retired: this.#retired,
      restless: this.#restless,
      functions: all,
      functionOf: (codeKey) => (byCode ??= new Map(all().map((view) => [view.codeKey, view]))).get(codeKey),
      standbys: () => demands.standbys(now),
      bytesOf: (instance) => ledger.bytesOf(instance),
      standbyWorth: (profileKey) => demands.standbyWorth(profileKey, now),
    };
  }

  #do(actions: readonly Action[], places: ReadonlyMap<number, Place<InstanceWaiter>>): void {
    const { fleet, demands } = this.#options;
    /** Instances started by these actions, by the names the actions use for them. */
    const started = new Map<string, Instance>();
    let provided = 0;
    for (const [index, action] of actions.entries()) {
      switch (action.kind) {
        case 'use':
          this.#use(places.get(action.request)!, fleet.get(action.instance));
          break;
        case 'load': {
          const instance = fleet.get(action.instance);
          if (!instance.hasSlot) {
            // No code can reach the instance any more: the pass looks for another.
            void fleet.stop(instance);
            this.pass();
          } else if (action.request !== null) void this.#loadFor(places.get(action.request)!, instance);
          else this.#refill(action.codeKey, () => void this.#loader.loadAhead(instance, action.codeKey));
          break;
        }
        case 'start': {
          const profile =
            action.request === null
              ? demands.profile(action.profileKey)
              : places.get(action.request)!.waiter.request.workload.profile;
          const start = (): void =>
            void started.set(`start ${index}`, this.#start(profile, action.intendedFor));
          if (action.intendedFor === null) start();
          else this.#refill(action.intendedFor, start);
          if (action.request !== null) {
            this.#startedFor(places.get(action.request)!, started.get(`start ${index}`)!);
            provided += 1;
          }
          break;
        }
        case 'stop':
          if (action.worth !== null) demands.evicted(action.worth);
          void fleet.stop(fleet.get(action.instance));
          break;
        case 'wait': {
          const { waiter, flow } = places.get(action.request)!;
          const instance = action.instance;
          waiter.claim = instance === null ? null : (started.get(instance)?.id ?? instance);
          if (instance !== null || flow === CHECKS) provided += 1;
          break;
        }
      }
    }
    this.#room.provided = provided;
  }

  /** An idle instance that can take a call of this workload at once. */
  #ready(workload: Workload, now: number): Instance | undefined {
    const offer = this.#firstSight;
    offer.codeKey = workload.code.key;
    offer.now = now;
    const service = serve(needOf(workload), offer);
    return service.kind === 'use' ? service.instance : undefined;
  }

  #refill(codeKey: string, begin: () => void): void {
    const flow = this.#options.demands.of(codeKey)?.workload.flow;
    begin();
    if (flow !== undefined) this.#options.queue.refilled(flow);
  }

  #use({ waiter }: Place<InstanceWaiter>, instance: Instance): void {
    const { queue, clock } = this.#options;
    queue.served(waiter, clock.now(), wasAhead(instance, waiter.request.workload.code.key));
    this.#give(waiter, instance);
  }

  async #loadFor({ waiter }: Place<InstanceWaiter>, instance: Instance): Promise<void> {
    const { fleet, queue, clock } = this.#options;
    queue.served(waiter, clock.now(), wasAhead(instance, waiter.request.workload.code.key));
    waiter.stopWaiting();
    waiter.onGone = () => void fleet.stop(instance);
    try {
      await this.#loader.loadFor(waiter, instance);
      this.#give(waiter, instance);
    } catch (error) {
      waiter.reject(error);
    }
  }

  /** Begins to start an instance. @param intendedFor see `InstanceView` */
  #start(profile: Profile, intendedFor: string | null): Instance {
    const { fleet, demands, clock } = this.#options;
    const instance = fleet.create(profile, intendedFor);
    instance.start().then(
      () => {
        demands.startTook(clock.now() - instance.moments.created);
        this.#starts.worked();
        if (instance.intendedFor !== null) this.#loader.loadSoon(instance);
        this.pass();
      },
      (error: unknown) => this.#startFailed(instance, error),
    );
    return instance;
  }

  #startedFor({ waiter }: Place<InstanceWaiter>, instance: Instance): void {
    waiter.claim = instance.id;
    // The tree is prepared while the container starts.
    waiter.tree().catch((error: unknown) => {
      this.#options.queue.drop(waiter);
      waiter.reject(error);
    });
  }

  #startFailed(instance: Instance, error: unknown): void {
    const { fleet, queue, clock, logger } = this.#options;
    void fleet.stop(instance);
    if (this.#room.closed) return;
    logger.error({ err: error, instance: instance.id }, 'a container could not be started');
    this.#starts.failed(clock.now());
    if (error instanceof DriverError && error.kind === 'unavailable') queue.rejectAll(driverUnavailable());
    else queue.startFailed(instance.id, error);
    this.pass();
  }

  #give(waiter: InstanceWaiter, instance: Instance): void {
    const lease = this.#lease(waiter.request, instance, waiter.arrivedAt, this.#options.clock.now());
    if (!waiter.resolve(lease)) void lease.release(false);
  }

  #lease({ workload, check }: PoolRequest, instance: Instance, arrivedAt: number, now: number): Lease {
    const { demands, lull } = this.#options;
    lull.noted(now);
    const start = startKindOf(instance, arrivedAt);
    const times = timesOf(instance, arrivedAt, now);
    if (!check) {
      instance.begin(now);
      if (start === 'loaded') this.#loader.took(workload.code.key, now);
      else if (start !== 'warm') demands.missed(workload.profileKey, now);
      // A warm instance comes back, so none is missing.
      if (start !== 'warm') this.poke();
    }
    const logs = check ? [] : instance.loadLogs.take();
    const release: Lease['release'] = (keep, read = false) => this.#release(instance, keep, read);
    return new Lease(instance, start, times, logs, release, () => this.#giveBack(instance, workload));
  }

  /** A call has not begun in the instance it was given. Those that are still there go on; without any, the instance is free. */
  #giveBack(instance: Instance, { reuse }: Workload): void {
    if (instance.ahead > 0) instance.giveBackAhead();
    else void this.#release(instance, reuse, false);
  }

  /**
   * Whether others need the place of an instance that a call gives back more than its own function does: there are more
   * instances than may be, or all places are taken and the next turn is that of a function without any instance. A function
   * whose calls wait for its instances would keep them for as long as it is called.
   */
  #owesPlace(): boolean {
    const { fleet, queue, limits } = this.#options;
    if (fleet.all.length < limits.maxInstances) return false;
    const held = fleet.all.filter((each) => !fleet.isStopping(each));
    if (held.length !== limits.maxInstances) return held.length > limits.maxInstances;
    const next = queue.first(() => true);
    // Undefined when nobody waits.
    if (next?.claim !== null) return false;
    const { key } = next.request.workload.code;
    return !held.some(({ codeKey, intendedFor }) => (codeKey ?? intendedFor) === key);
  }

  /** Takes an instance back after a call. Resolves with the container's own output when the instance is not kept. */
  #release(instance: Instance, keep: boolean, readOutput: boolean): Promise<ContainerOutput> {
    const { fleet, demands, lull, queue, clock } = this.#options;
    const now = clock.now();
    lull.noted(now);
    if (keep && instance.ahead > 0 && instance.state === 'busy') {
      demands.of(instance.codeKey!)?.wasAway(now - instance.since);
      instance.proceed(now);
      return KEPT;
    }
    if (!keep || this.#room.closed) return this.#stop(instance, readOutput, now);
    if (instance.state === 'idle') return KEPT;
    if (!fleet.isReusable(instance)) return this.#stop(instance, readOutput, now);
    const codeKey = instance.codeKey!;
    demands.of(codeKey)?.wasAway(now - instance.since);
    if (this.#owesPlace()) return this.#stop(instance, readOutput, now);
    instance.keep(now);
    const offered = this.#offer(instance, now);
    if (offered === 'taken') return KEPT;
    // When no request waits for code that is no function's active code any more, the instance stops, here and not in a pass,
    // because the caller may want the container's output.
    if (offered === 'unwanted' && this.#retired.has(codeKey)) return fleet.stop(instance, readOutput);
    // An idle instance may go, for the place or for the memory that others need.
    if (queue.length > 0) this.pass();
    return KEPT;
  }

  /** Stops an instance after a call. One call less runs then: another may have an instance that stayed idle because enough were running. */
  #stop(instance: Instance, readOutput: boolean, now: number): Promise<ContainerOutput> {
    const { fleet } = this.#options;
    const output = fleet.stop(instance, readOutput);
    const { codeKey } = instance;
    const other = fleet.all.find((each) => each.state === 'idle' && each.codeKey === codeKey);
    if (other !== undefined) this.#offer(other, now);
    return output;
  }

  /**
   * Gives an idle instance to the first request in turn that may use it. One for the same code may not, after a change of the
   * settings. `enough`: as many other calls of the code run as should run at once, so the instance stays idle; the next of
   * these that ends hands over its own.
   */
  #offer(instance: Instance, now: number): 'taken' | 'enough' | 'unwanted' {
    const { queue } = this.#options;
    if (queue.length === 0) return 'unwanted';
    const next = queue.first(({ request }) => mayServe(needOf(request.workload), instance));
    if (next === undefined) return 'unwanted';
    if (this.#shortCalls.areEnough(next.request.workload, now)) return 'enough';
    queue.served(next, now, false);
    this.#give(next, instance);
    if (queue.length > 0) this.#sendAhead(next.request.workload, instance, now);
    return 'taken';
  }

  /** Gives brief calls that wait to an instance which has just got one of the same code. It runs one after the other. */
  #sendAhead(workload: Workload, instance: Instance, now: number): void {
    const { queue, demands } = this.#options;
    for (let left = demands.atOnce(workload.code.key).ahead; left > 0; left -= 1) {
      const next = queue.first(({ request }) => mayServe(needOf(request.workload), instance));
      if (next?.request.mayGoAhead !== true) break;
      queue.served(next, now, false);
      instance.takeAhead();
      const lease = this.#leaseAhead(workload, instance, next.arrivedAt, now);
      if (!next.resolve(lease)) instance.giveBackAhead();
    }
    if (instance.ahead > 0) this.#shortCalls.watch(workload, now);
  }

  #leaseAhead(workload: Workload, instance: Instance, arrivedAt: number, now: number): Lease {
    return new Lease(
      instance,
      startKindOf(instance, arrivedAt),
      timesOf(instance, arrivedAt, now),
      [],
      (keep, read = false) => this.#release(instance, keep, read),
      () => this.#giveBack(instance, workload),
      now,
    );
  }
}

/** Whether a request is the first one of its call: not a load check, and not that of a call which a worker gave back. */
function isNew({ check = false, waitingSince }: PoolRequest): boolean {
  return !check && waitingSince === undefined;
}

function needOf({ code, profileKey, reuse }: Workload): Need {
  return { codeKey: code.key, profileKey, reuse };
}

function requestView({ id, waiter, flow, tag, behind }: Place<InstanceWaiter>): RequestView {
  const { workload, check = false } = waiter.request;
  const { code, profileKey, reuse } = workload;
  return { id, flow, codeKey: code.key, profileKey, reuse, check, turn: tag, behind };
}

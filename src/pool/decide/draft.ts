/**
 * Owns the state of one decision while it is being made: the instances as they will be once the actions decided so far
 * have been carried out, and those actions.
 */
import type { InstanceState } from '../../instance/instance-state.js';
import { isIdle } from './rank.js';
import type { Action, InstanceView, PoolLimits, Snapshot, StopReason } from './snapshot.js';

/** An instance of a draft: its state changes as actions are decided. */
export interface DraftInstance extends InstanceView {
  state: InstanceState;
  since: number;
  codeKey: string | null;
  intendedFor: string | null;
  /** A request of this pass waits for the instance to be ready. */
  claimed: boolean;
}

/**
 * While several functions are called, half as many instances are started at once: starting containers takes all cores,
 * and a function that is started for much would take them from the calls of the others.
 */
function limitsOf(snapshot: Snapshot): PoolLimits {
  const { limits } = snapshot;
  if (!snapshot.severalCalled()) return limits;
  const { maxStarting, maxRefilling } = limits;
  return {
    ...limits,
    maxStarting: Math.ceil(maxStarting / 2),
    maxRefilling: Math.ceil(maxRefilling / 2),
  };
}

export class Draft {
  readonly snapshot: Snapshot;
  readonly instances: DraftInstance[];
  readonly actions: Action[] = [];
  /** Instances being started. */
  starting = 0;
  /** Instances being loaded ahead of calls. */
  loadingAhead = 0;
  /** Instances on their way out: each frees a place. */
  stopping = 0;
  /** Requests of this pass that wait without an instance on its way. */
  unserved = 0;
  #limits: PoolLimits | undefined;

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.instances = snapshot.instances.map((instance) => ({
      // Written out: instances are objects of a class, whose getters a spread would not copy.
      id: instance.id,
      state: instance.state,
      profileKey: instance.profileKey,
      codeKey: instance.codeKey,
      intendedFor: instance.intendedFor,
      calls: instance.calls,
      since: instance.since,
      claimed: false,
    }));
    for (const { state, intendedFor } of this.instances) {
      if (state === 'starting') this.starting += 1;
      else if (state === 'stopping') this.stopping += 1;
      else if (state === 'loading' && intendedFor !== null) this.loadingAhead += 1;
    }
  }

  /** How much may be started at once: found out when something is to be started. */
  get limits(): PoolLimits {
    return (this.#limits ??= limitsOf(this.snapshot));
  }

  /** Memory left for further idle instances, in bytes: the budget less that of instances that are idle or about to be. */
  freeBytes(): number {
    const { snapshot } = this;
    let taken = 0;
    for (const instance of this.instances) {
      const coming =
        (instance.state === 'starting' && !instance.claimed) ||
        (instance.state === 'loading' && instance.intendedFor !== null);
      if (isIdle(instance) || coming) taken += snapshot.bytesOf(instance);
    }
    return snapshot.memoryBudgetBytes - taken;
  }

  use(request: number, instance: DraftInstance): void {
    instance.state = 'busy';
    // Else an instance that was idle for long would seem to be in a slow call.
    instance.since = this.snapshot.now;
    this.actions.push({ kind: 'use', request, instance: instance.id });
  }

  /** @param request null: the load is ahead of calls */
  load(request: number | null, instance: DraftInstance, codeKey: string): void {
    instance.state = 'loading';
    instance.codeKey = codeKey;
    instance.intendedFor = request === null ? codeKey : null;
    if (request === null) this.loadingAhead += 1;
    this.actions.push({ kind: 'load', request, instance: instance.id, codeKey });
  }

  /** @param intendedFor for starts without a request: the code to be loaded after the start; null: a spare standby */
  start(request: number | null, profileKey: string, intendedFor: string | null): void {
    this.starting += 1;
    this.instances.push({
      id: `start ${this.actions.length}`,
      state: 'starting',
      profileKey,
      codeKey: null,
      intendedFor,
      calls: 0,
      since: this.snapshot.now,
      claimed: request !== null,
    });
    this.actions.push({ kind: 'start', request, profileKey, intendedFor });
  }

  /** @param worth the instance's worth when it is stopped to make room; else null */
  stop(instance: DraftInstance, reason: StopReason, worth: number | null = null): void {
    instance.state = 'stopping';
    this.stopping += 1;
    this.actions.push({ kind: 'stop', instance: instance.id, reason, worth });
  }

  /** @param instance the starting or loading instance that will serve the request; null while there is none */
  wait(request: number, instance: DraftInstance | null): void {
    if (instance === null) this.unserved += 1;
    else instance.claimed = true;
    this.actions.push({ kind: 'wait', request, instance: instance?.id ?? null });
  }
}

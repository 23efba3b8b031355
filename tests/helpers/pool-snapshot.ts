/** Owns snapshots for tests of what the pool decides: everything there is room for, nothing wanted, unless told otherwise. */
import type { Demands } from '../../src/pool/demand/demands.js';
import { UNBOUNDED } from '../../src/pool/decide/serve.js';
import type {
  Action,
  AtOnce,
  FunctionView,
  RequestView,
  Snapshot,
  StandbyView,
} from '../../src/pool/decide/snapshot.js';

/** At most so many calls, and so many instances. */
export function atMost(calls: number, instances = calls): AtOnce {
  return { ...UNBOUNDED, calls, instances };
}

export interface SnapshotFields extends Partial<Omit<Snapshot, 'functions' | 'functionOf' | 'standbys'>> {
  functions?: readonly FunctionView[];
  standbys?: readonly StandbyView[];
}

/** Memory of one idle instance, unless told otherwise. */
export const BYTES = 10;

export function snapshot({ functions = [], standbys = [], ...fields }: SnapshotFields = {}): Snapshot {
  return {
    now: 1e9,
    instances: [],
    requests: [],
    limits: { maxInstances: 10, maxStarting: 3, maxRefilling: 3, placesForCalls: 0 },
    severalCalled: () => false,
    memoryBudgetBytes: 1_000,
    surplusMs: Infinity,
    keepAliveMs: Infinity,
    mayRefill: true,
    quiet: true,
    retired: new Set(),
    restless: new Set(),
    functions: () => functions,
    functionOf: (codeKey) => functions.find((view) => view.codeKey === codeKey),
    standbys: () => standbys,
    bytesOf: () => BYTES,
    standbyWorth: () => 0,
    ...fields,
  };
}

/** What a pool with these demands would decide from. */
export function snapshotOf(demands: Demands, now: number, fields: SnapshotFields = {}): Snapshot {
  const functions = demands.functions(now, () => 0);
  return snapshot({
    now,
    functions,
    standbys: demands.standbys(now),
    standbyWorth: (profileKey) => demands.standbyWorth(profileKey, now),
    ...fields,
  });
}

/** Of code `c` with profile `p`, wanting one; the n-th ready instance is worth 1/n. */
export function functionView(fields: Partial<FunctionView> = {}): FunctionView {
  const { codeKey = 'c', target = 1 } = fields;
  return {
    codeKey,
    profileKey: 'p',
    reuse: false,
    target,
    wanted: target,
    exact: false,
    inUse: true,
    uncalled: false,
    turn: 0,
    atOnce: UNBOUNDED,
    bytes: BYTES,
    worth: (n) => 1 / n,
    ...fields,
  };
}

export function standbyView(fields: Partial<StandbyView> = {}): StandbyView {
  return { profileKey: 'p', target: 1, reserve: 0, bytes: BYTES, ...fields };
}

/** For code `c` with profile `p`. */
export function requestView(id: number, fields: Partial<RequestView> = {}): RequestView {
  const { codeKey = 'c' } = fields;
  return {
    id,
    flow: codeKey,
    codeKey,
    profileKey: 'p',
    reuse: false,
    check: false,
    turn: id,
    behind: false,
    ...fields,
  };
}

/** In words: `use 1 i3`, `load 1 i3`, `load i3 c`, `start 1 p`, `start p c`, `start p -`, `stop i3 room`, `wait 1 i3`, `wait 1 -`. */
export function words(actions: readonly Action[]): string[] {
  return actions.map((action): string => {
    switch (action.kind) {
      case 'use':
        return `use ${action.request} ${action.instance}`;
      case 'load':
        return action.request === null
          ? `load ${action.instance} ${action.codeKey}`
          : `load ${action.request} ${action.instance}`;
      case 'start':
        return action.request === null
          ? `start ${action.profileKey} ${action.intendedFor ?? '-'}`
          : `start ${action.request} ${action.profileKey}`;
      case 'stop':
        return `stop ${action.instance} ${action.reason}`;
      default:
        return `wait ${action.request} ${action.instance ?? '-'}`;
    }
  });
}

/** Owns how a deployed function looks to the pool: the profile of its containers, its code, and its worker's load message. */
import { profileKey, type Profile } from '../../model/function/profile.js';
import { versionKey, type FunctionRecord } from '../../model/function/function.js';
import { shownRef } from '../../model/function/ref.js';
import type { FunctionSettings } from '../../model/function/settings.js';
import type { Workload } from '../workload.js';

/**
 * A container's CPU-time limit ends a runaway call even when this server is dead, but is set before the standby has a
 * function. So functions are put into classes by their time limit, and a standby serves the functions of one class only.
 */
const TIMEOUT_CLASSES_MS = [30_000, 120_000, 900_000];
/** CPU-seconds a worker may spend on itself: booting, warming up, loading. */
const OWN_CPU_SECONDS = 5;

/** @param runtime name of a row of `runtimes/` */
export function profileOf(
  { memoryMb, cpus, network, timeoutMs, isolation }: FunctionSettings,
  runtime: string,
): Profile {
  const longest = TIMEOUT_CLASSES_MS.at(-1)!;
  // A reused container runs many calls.
  const mostMs =
    isolation === 'function' ? longest : (TIMEOUT_CLASSES_MS.find((most) => timeoutMs <= most) ?? longest);
  return {
    runtime,
    memoryMb,
    cpus,
    network,
    cpuSeconds: Math.ceil((mostMs / 1000) * cpus) + OWN_CPU_SECONDS,
  };
}

/** How the files of a version are copied and verified. */
export interface CodeOf {
  /** Makes a copy of the version's files at a path. Rejects with CODE_UNAVAILABLE. */
  copy: (record: FunctionRecord, target: string) => Promise<void>;
  /** Resolves when copies that were made earlier are still what was deployed. Rejects with CODE_UNAVAILABLE. */
  verify: (record: FunctionRecord) => Promise<void>;
}

/** How a function looks to the pool. */
export function workloadOf(record: FunctionRecord, { copy, verify }: CodeOf): Workload {
  const { memoryMb, handler, contract, env, isolation, standby } = record.settings;
  const profile = profileOf(record.settings, runtimeOf(record));
  return {
    flow: record.id,
    profile,
    profileKey: profileKey(profile),
    code: {
      key: versionKey(record.active),
      prepareTree: (target) => copy(record, target),
      verifyTree: () => verify(record),
      load: { name: record.ref.name, memoryMb, handler, contract, env },
      server: null,
    },
    reuse: isolation === 'function',
    standby,
  };
}

/** @throws Error for a function that is no bundle: the pool has no worker for it */
function runtimeOf({ ref, active: { source } }: FunctionRecord): string {
  if (source.type !== 'bundle') throw new Error(`${shownRef(ref)} is no bundle: no worker can load it`);
  return source.runtime;
}

/** Workloads of deployed functions, made once for each record. */
export function createWorkloads(code: CodeOf): (record: FunctionRecord) => Workload {
  const known = new WeakMap<FunctionRecord, Workload>();
  return (record) => {
    let workload = known.get(record);
    if (!workload) {
      workload = workloadOf(record, code);
      known.set(record, workload);
    }
    return workload;
  };
}

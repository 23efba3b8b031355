/** Owns how a deployed function looks to the pool: the profile of its containers, its code, and what its worker is told. */
import { profileKey, type Profile } from '../../driver/driver.js';
import type { FunctionRecord, FunctionSettings, VersionRecord } from '../../model/records.js';
import { versionKey } from '../../registry/catalogue.js';
import type { Workload } from '../workload.js';

/**
 * A standby's CPU limit is set before anybody knows whose it will be, and ends a runaway when this server is dead. So
 * functions are told apart by how long they may run at the most: a standby serves those of one class only.
 */
const TIMEOUT_CLASSES_MS = [30_000, 120_000, 900_000];
/** CPU-seconds a worker may spend on itself: booting, warming up, loading. */
const OWN_CPU_SECONDS = 5;

export function profileOf({ memoryMb, cpus, network, timeoutMs, isolation }: FunctionSettings): Profile {
  const longest = TIMEOUT_CLASSES_MS.at(-1)!;
  // A reused container runs many calls.
  const mostMs =
    isolation === 'function' ? longest : (TIMEOUT_CLASSES_MS.find((most) => timeoutMs <= most) ?? longest);
  return { memoryMb, cpus, network, cpuSeconds: Math.ceil((mostMs / 1000) * cpus) + OWN_CPU_SECONDS };
}

/** @param prepareTree makes a copy of the version's files at a path */
export function workloadOf(record: FunctionRecord, prepareTree: (target: string) => Promise<void>): Workload {
  const { memoryMb, handler, contract, env, isolation, standby } = record.settings;
  const profile = profileOf(record.settings);
  return {
    flow: record.name,
    profile,
    profileKey: profileKey(profile),
    code: {
      key: versionKey(record.active),
      prepareTree,
      load: { name: record.name, memoryMb, handler, contract, env },
    },
    reuse: isolation === 'function',
    standby,
  };
}

/** Workloads of deployed functions, made once for each record. @param copyCode makes a copy of a version's files at a path */
export function createWorkloads(
  copyCode: (version: VersionRecord, target: string) => Promise<void>,
): (record: FunctionRecord) => Workload {
  const known = new WeakMap<FunctionRecord, Workload>();
  return (record) => {
    let workload = known.get(record);
    if (!workload) {
      workload = workloadOf(record, (target) => copyCode(record.active, target));
      known.set(record, workload);
    }
    return workload;
  };
}

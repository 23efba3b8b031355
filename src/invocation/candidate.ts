/** Owns how a deployed function looks to the pool: its profile, its code, and whether that code loads at all. */
import { GlambdarError } from '../errors.js';
import { profileKey, type Profile } from '../model/profile.js';
import { LoadFailure } from '../pool/act/lease.js';
import { InstanceFailure } from '../instance/instance-failure.js';
import type { Pool } from '../pool/pool.js';
import type { Workload } from '../pool/act/workload.js';
import { versionKey } from '../registry/catalogue.js';
import { linkTree } from '../registry/tree.js';
import type { FunctionRecord, FunctionSettings, VersionRecord } from '../model/records.js';
import { describeExit, isOutOfMemory, loadFailed } from './outcome.js';

export function profileOf(settings: FunctionSettings): Profile {
  return { runtime: 'node', memoryMb: settings.memoryMb, cpus: settings.cpus, network: settings.network };
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
export function createWorkloads(copyCode: (version: VersionRecord, target: string) => Promise<void>) {
  const known = new WeakMap<FunctionRecord, Workload>();
  return (record: FunctionRecord): Workload => {
    let workload = known.get(record);
    if (!workload) {
      workload = workloadOf(record, (target) => copyCode(record.active, target));
      known.set(record, workload);
    }
    return workload;
  };
}

export interface LoadCheckOptions {
  pool: Pool;
  /** Prepares what a profile needs beyond the default; rejects when it cannot be had. */
  prepareProfile: (profile: Profile) => Promise<void>;
}

/**
 * Loads a candidate in a container like any call's, and leaves it ready for the first call of the version.
 * The returned function resolves to one that throws the container away, for a version that is not published after all.
 * It rejects with LOAD_FAILED (the user's code), INVALID_REQUEST (a profile that cannot be had), DRIVER_UNAVAILABLE or
 * AT_CAPACITY.
 */
export function createLoadCheck({ pool, prepareProfile }: LoadCheckOptions) {
  return async (candidate: FunctionRecord, treeDir: string): Promise<() => void> => {
    const { settings } = candidate;
    try {
      await prepareProfile(profileOf(settings));
    } catch (error) {
      throw new GlambdarError(
        'INVALID_REQUEST',
        `network "${settings.network}" cannot be had on this server; its log has the reason.`,
        {
          cause: error,
        },
      );
    }
    const workload = workloadOf(candidate, (target) => linkTree(treeDir, target));
    try {
      const lease = await pool.acquire({ workload, check: true, signal: new AbortController().signal });
      await lease.release(true);
      return () => void pool.retire(workload.code.key);
    } catch (error) {
      if (error instanceof LoadFailure) throw loadFailed(error.error, 422);
      if (error instanceof InstanceFailure)
        throw new GlambdarError('LOAD_FAILED', diedLoading(error, settings.memoryMb));
      throw error;
    }
  };
}

function diedLoading(failure: InstanceFailure, memoryMb: number): string {
  if (isOutOfMemory(failure.exit, ''))
    return `The function does not load: loading it needs more than its limit of ${memoryMb} MB; raise memoryMb or use less.`;
  const how = failure.exit ? `the process did not survive, ${describeExit(failure.exit)}` : failure.message;
  return `The function does not load: ${how}.`;
}

/** Owns how a deployed function looks to the pool: its profile, its code, and whether that code loads at all. */
import { GlambdarError } from '../errors.js';
import { LoadFailure, profileKey, type Profile } from '../pool/act/lease.js';
import { InstanceFailure } from '../instance/instance-failure.js';
import type { Pool } from '../pool/pool.js';
import type { Workload } from '../pool/act/workload.js';
import { versionKey, type FunctionRecord } from '../model/function.js';
import type { FunctionSettings } from '../model/settings.js';
import { linkTree } from '../registry/tree.js';
import { describeExit, isOutOfMemory, loadFailed } from './outcome.js';

export function profileOf(settings: FunctionSettings): Profile {
  return { memoryMb: settings.memoryMb, cpus: settings.cpus, network: settings.network };
}

/** Where the files of a version come from. */
export interface CodeOf {
  /** Makes a copy of the version's files at a path. Rejects with CODE_UNAVAILABLE. */
  copy: (record: FunctionRecord, target: string) => Promise<void>;
  /** Resolves when copies that were made earlier are still what was deployed. Rejects with CODE_UNAVAILABLE. */
  verify: (record: FunctionRecord) => Promise<void>;
}

/** How a function looks to the pool. */
export function workloadOf(record: FunctionRecord, { copy, verify }: CodeOf): Workload {
  const { memoryMb, handler, contract, env, isolation, standby } = record.settings;
  const profile = profileOf(record.settings);
  return {
    flow: record.id,
    profile,
    profileKey: profileKey(profile),
    code: {
      key: versionKey(record.active),
      prepareTree: (target) => copy(record, target),
      verifyTree: () => verify(record),
      load: { name: record.ref.name, memoryMb, handler, contract, env },
    },
    reuse: isolation === 'function',
    standby,
  };
}

/** Workloads of deployed functions, made once for each record. */
export function createWorkloads(code: CodeOf) {
  const known = new WeakMap<FunctionRecord, Workload>();
  return (record: FunctionRecord): Workload => {
    let workload = known.get(record);
    if (!workload) {
      workload = workloadOf(record, code);
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
    const workload = workloadOf(candidate, {
      copy: (_, target) => linkTree(treeDir, target),
      verify: () => Promise.resolve(),
    });
    try {
      const lease = await pool.acquire({ workload, check: true, signal: new AbortController().signal });
      await lease.release(true);
      return () => void pool.retire(workload.code.key);
    } catch (error) {
      // The next candidate may have the same number: nothing of this one may be taken for it.
      void pool.retire(workload.code.key);
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

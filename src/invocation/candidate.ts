/** Owns how a deployed function looks to the pool: its profile, its code, and whether that code loads at all. */
import { GlambdarError } from '../errors.js';
import { LoadFailure, type Profile } from '../pool/lease.js';
import { InstanceFailure } from '../pool/instance-failure.js';
import type { Pool } from '../pool/pool.js';
import type { Code } from '../pool/waiter.js';
import { versionKey } from '../registry/catalogue.js';
import { linkTree } from '../registry/tree.js';
import type { FunctionRecord, FunctionSettings } from '../store/records.js';
import { describeExit, isOutOfMemory, loadFailed } from './outcome.js';

export function profileOf(settings: FunctionSettings): Profile {
  return { memoryMb: settings.memoryMb, cpus: settings.cpus, network: settings.network };
}

/** @param prepareTree makes a copy of the version's files at a path */
export function codeOf(record: FunctionRecord, prepareTree: (target: string) => Promise<void>): Code {
  const { memoryMb, handler, contract, env } = record.settings;
  return {
    key: versionKey(record.active),
    prepareTree,
    load: { name: record.name, memoryMb, handler, contract, env },
  };
}

export interface LoadCheckOptions {
  pool: Pool;
  /** Prepares what a profile needs beyond the default; rejects when it cannot be had. */
  prepareProfile: (profile: Profile) => Promise<void>;
}

/**
 * Loads a candidate in a container like any call's and throws the container away.
 * The returned function rejects with LOAD_FAILED (the user's code), INVALID_REQUEST (a profile that cannot be had),
 * DRIVER_UNAVAILABLE or AT_CAPACITY.
 */
export function createLoadCheck({ pool, prepareProfile }: LoadCheckOptions) {
  return async (candidate: FunctionRecord, treeDir: string): Promise<void> => {
    const { settings } = candidate;
    const profile = profileOf(settings);
    try {
      await prepareProfile(profile);
    } catch (error) {
      throw new GlambdarError(
        'INVALID_REQUEST',
        `network "${settings.network}" cannot be had on this server; its log has the reason.`,
        {
          cause: error,
        },
      );
    }
    const code = codeOf(candidate, (target) => linkTree(treeDir, target));
    try {
      const lease = await pool.acquire({
        profile,
        code,
        reuse: false,
        first: true,
        signal: new AbortController().signal,
      });
      void lease.release(false);
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

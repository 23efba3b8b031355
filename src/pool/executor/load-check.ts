/** Owns finding out whether a candidate's code loads: in a container like a call's, which is left ready for the first call. */
import { GlambdarError } from '../../errors.js';
import { InstanceFailure, LoadTimeout } from '../../instance/instance-failure.js';
import { LoadFailure } from '../../instance/wire/worker-connection.js';
import { describeExit, isOutOfMemory, loadFailed, loadTimedOut } from '../../model/call/outcome.js';
import { networkUnavailable } from '../../model/call/refusal.js';
import type { Profile } from '../../model/function/profile.js';
import type { FunctionRecord } from '../../model/function/function.js';
import type { Pool } from '../pool.js';
import { workloadOf } from './workloads.js';

export interface LoadCheckOptions {
  pool: Pool;
  /** Prepares a network for containers; rejects when the network cannot be had. */
  prepareNetwork: (network: Profile['network']) => Promise<void>;
  /** Makes a copy of a tree of files at `target`, which does not exist. */
  copyTree: (treeDir: string, target: string) => Promise<void>;
}

/**
 * The returned function loads a candidate. It resolves to a function that throws the container away, for a version that is
 * not published after all. It rejects with LOAD_FAILED (the user's code), INVALID_REQUEST (a network that cannot be had),
 * DRIVER_UNAVAILABLE or AT_CAPACITY.
 */
export function createLoadCheck({ pool, prepareNetwork, copyTree }: LoadCheckOptions) {
  return async (candidate: FunctionRecord, treeDir: string): Promise<() => void> => {
    const { settings } = candidate;
    try {
      await prepareNetwork(settings.network);
    } catch (error) {
      throw networkUnavailable(settings.network, error);
    }
    const workload = workloadOf(candidate, {
      copy: (_, target) => copyTree(treeDir, target),
      verify: () => Promise.resolve(),
    });
    try {
      const lease = await pool.acquire({ workload, check: true, signal: new AbortController().signal });
      await lease.release(true);
      return () => void pool.retire(workload.code.key);
    } catch (error) {
      // The next candidate may have the same version number: no instance of this candidate may be used for it.
      void pool.retire(workload.code.key);
      if (error instanceof LoadFailure) throw loadFailed(error.error, 422);
      if (error instanceof LoadTimeout) throw loadTimedOut(error.timeoutMs, settings.cpus, 422);
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

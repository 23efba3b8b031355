/** Owns the interface by which a deploy finds out whether code loads. The executor of calls implements it. */
import type { FunctionRecord } from '../model/function/function.js';

/** A candidate whose code has loaded, in a container that waits for the first call. */
export interface LoadedCandidate {
  /** Stops the container, for a candidate that is not published after all. */
  discard: () => void;
  /** Sentences for the author about what the code did while it was loaded. */
  hints: string[];
}

/**
 * Loads a candidate in a container of its own, which stays ready for the first call of the version. Rejects with LOAD_FAILED
 * when the code does not load, INVALID_REQUEST when this server cannot provide its container, DRIVER_UNAVAILABLE or AT_CAPACITY.
 * @param treeDir path of the candidate's code
 */
export type LoadCheck = (candidate: FunctionRecord, treeDir: string) => Promise<LoadedCandidate>;

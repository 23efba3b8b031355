/** Owns the interface by which a deploy finds out whether code loads. The executor of calls implements it. */
import type { FunctionRecord } from '../model/function/function.js';

/**
 * Loads a candidate in a container of its own, which stays ready for the first call of the version. Resolves to a function
 * that stops the container, for a candidate that is not published after all. Rejects with LOAD_FAILED when the code does
 * not load, INVALID_REQUEST when this server cannot provide its container, DRIVER_UNAVAILABLE or AT_CAPACITY.
 * @param treeDir path of the candidate's code
 */
export type LoadCheck = (candidate: FunctionRecord, treeDir: string) => Promise<() => void>;

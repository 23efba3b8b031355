/** Owns the port by which a deploy asks whether code loads at all. Whoever runs calls implements it. */
import type { FunctionRecord } from '../model/function/function.js';

/**
 * Loads a candidate in a container of its own, which stays ready for the first call of the version. Resolves to a function
 * that lets the container go, for a candidate that is not published after all. Rejects with LOAD_FAILED when the code does
 * not load, INVALID_REQUEST when its container cannot be had here, DRIVER_UNAVAILABLE or AT_CAPACITY.
 * @param treeDir the candidate's code
 */
export type LoadCheck = (candidate: FunctionRecord, treeDir: string) => Promise<() => void>;

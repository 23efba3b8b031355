/**
 * Owns the interface to the stored secrets of functions. The store gets and gives sealed values and cannot open them. The
 * contract suite in `tests/unit/store/secret-store-contract.ts` tests every implementation.
 */
import type { FunctionId } from '../model/function/id.js';

/** A secret as it is stored. Times are epoch milliseconds. */
export interface SealedSecret {
  functionId: FunctionId;
  /** Name of the variable; no two secrets of a function have the same. */
  name: string;
  /** The value, as `secrets/sealing.ts` has sealed it. */
  sealed: Uint8Array;
  createdAt: number;
  updatedAt: number;
}

/**
 * Every method rejects with `StoreError` when the medium fails. Methods marked *durable* resolve only after the change would
 * survive power loss. The secrets of a function are deleted with it.
 */
export interface SecretStore {
  /** The secrets of all functions, sorted by function and name. */
  list(): Promise<SealedSecret[]>;
  /**
   * *Durable.* Adds a secret, or replaces the value of the one of that name, which keeps its `createdAt`. Resolves with the
   * secret as it is stored; undefined when there is no such function.
   */
  put(
    functionId: FunctionId,
    name: string,
    sealed: Uint8Array,
    at: number,
  ): Promise<SealedSecret | undefined>;
  /** *Durable.* False when there was no such secret. */
  remove(functionId: FunctionId, name: string): Promise<boolean>;
}

/**
 * Owns the interface to the stored functions and their versions. The contract suite in
 * `tests/unit/store/function-store-contract.ts` tests every implementation.
 */
import type { FunctionRecord, VersionRecord } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';
import type { FunctionRef } from '../model/function/ref.js';
import type { FunctionSettings } from '../model/function/settings.js';

export interface PublishRequest {
  ref: FunctionRef;
  version: VersionRecord;
  settings: FunctionSettings;
  /** Epoch milliseconds of the deploy: `updatedAt`, and `createdAt` when the function is new. */
  at: number;
}

/** A version by the name of its function, by which its files are found. */
export interface VersionOnDisk {
  ref: FunctionRef;
  version: number;
}

/**
 * Every method rejects with `StoreError` when the medium fails, and after `close`. Methods marked *durable* resolve only
 * after the change would survive power loss. Records that are handed out are copies.
 */
export interface FunctionStore {
  /** Every deployed function, sorted by namespace and name. */
  list(): Promise<FunctionRecord[]>;
  /** Undefined when no deployed function has this id. */
  get(id: FunctionId): Promise<FunctionRecord | undefined>;
  /** Kept versions of a function, newest first; empty when the function is unknown. */
  listVersions(id: FunctionId): Promise<VersionRecord[]>;
  /**
   * *Durable.* Adds the version and makes the version and the settings the active ones, in one transaction. Rejects with
   * `StoreError` when the function has that version already, or another function has the name.
   */
  publish(request: PublishRequest): Promise<FunctionRecord>;
  /**
   * *Durable.* Makes a kept version and these settings the active ones, in one transaction. Undefined when the function has no
   * such version.
   */
  activate(
    id: FunctionId,
    version: number,
    settings: FunctionSettings,
    at: number,
  ): Promise<FunctionRecord | undefined>;
  /** *Durable.* Replaces the settings of a function without a new version. Undefined when there is no such function. */
  updateSettings(id: FunctionId, settings: FunctionSettings, at: number): Promise<FunctionRecord | undefined>;
  /** *Durable.* Forgets versions of a function other than its active one, and dooms them. Unknown versions are ignored. */
  removeVersions(id: FunctionId, versions: number[]): Promise<void>;
  /**
   * *Durable.* Forgets the function and its versions, and dooms these versions. False when there was no such function.
   * @param leftovers further versions whose files lie under the function's name, to be doomed, too
   */
  remove(id: FunctionId, leftovers?: number[]): Promise<boolean>;
  /**
   * *Durable.* Notes that the files of these versions may be removed, because nobody will need them; publishing such a
   * version deletes the note. To be called before the files of a new version are put in their place, so that a crash leaves
   * no unknown files. Files of a version that is neither published nor doomed must stay: the store may have been rebuilt,
   * or replaced by an older copy.
   */
  doom(versions: VersionOnDisk[]): Promise<void>;
  /** The doomed versions, sorted. */
  listDoomed(): Promise<VersionOnDisk[]>;
  /** Deletes the notes about these versions, whose files are gone. */
  forgetDoomed(versions: VersionOnDisk[]): Promise<void>;
  /** Resolves when the medium can be read; used by `/readyz`. */
  check(): Promise<void>;
  /** May be called twice. */
  close(): Promise<void>;
}

/** Owns the interface to list, show and remove functions. `function-registry.ts` implements it; `deploy/` changes functions. */
import type { FunctionRecord } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';
import type { FunctionRef } from '../model/function/ref.js';
import type { FunctionMetadata } from './views/function-metadata.js';
import type { VersionView } from './views/version-view.js';

export type { FunctionMetadata } from './views/function-metadata.js';
export type { VersionView } from './views/version-view.js';

export interface Registry {
  /** The functions of a namespace, sorted by name. */
  list(namespace: string): FunctionMetadata[];
  /** The metadata of one function. Throws FUNCTION_NOT_FOUND. */
  get(ref: FunctionRef): FunctionMetadata;
  /** The kept versions of a function, newest first. Rejects with FUNCTION_NOT_FOUND. */
  versions(ref: FunctionRef): Promise<VersionView[]>;
  /** The records of all functions, sorted by namespace and name. */
  records(): FunctionRecord[];
  /** Undefined when no function of this name is deployed. */
  find(ref: FunctionRef): FunctionRecord | undefined;
  /** Undefined when no deployed function has this id. */
  byId(id: FunctionId): FunctionRecord | undefined;
  /** Resolves once the removal is durable and idle instances are gone. Rejects with FUNCTION_NOT_FOUND, DISK_FULL. */
  remove(ref: FunctionRef): Promise<void>;
  /**
   * Removes every function of a namespace, one that is being deployed included, and takes no further one into it. May be called
   * again after a failure. Resolves to the names of the functions. Rejects with DISK_FULL.
   * @param removed called after each
   */
  removeNamespace(namespace: string, removed?: (name: string) => void): Promise<string[]>;
}

/** Owns the interface to list, show and remove functions. `function-registry.ts` implements it; `deploy/` changes functions. */
import type { FunctionRef } from '../model/function/ref.js';
import type { FunctionMetadata } from './function-metadata.js';

export type { FunctionMetadata } from './function-metadata.js';

export interface Registry {
  /** The functions of a namespace, sorted by name. */
  list(namespace: string): FunctionMetadata[];
  /** The metadata of one function. Throws FUNCTION_NOT_FOUND. */
  get(ref: FunctionRef): FunctionMetadata;
  /** Resolves once the removal is durable and idle instances are gone. Rejects with FUNCTION_NOT_FOUND, DISK_FULL. */
  remove(ref: FunctionRef): Promise<void>;
}

/** Owns what others may ask of the functions there are; `function-registry.ts` does it. Changing them is `deploy/`. */
import type { FunctionRef } from '../model/function/ref.js';
import type { FunctionMetadata } from './function-metadata.js';

export type { FunctionMetadata } from './function-metadata.js';

export interface Registry {
  /** Sorted by name. */
  list(namespace: string): FunctionMetadata[];
  /** Throws FUNCTION_NOT_FOUND. */
  get(ref: FunctionRef): FunctionMetadata;
  /** Resolves once the removal is durable and idle instances are gone. Rejects with FUNCTION_NOT_FOUND, DISK_FULL. */
  remove(ref: FunctionRef): Promise<void>;
}

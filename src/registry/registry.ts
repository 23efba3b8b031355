/** Owns what `http/` may ask of the functions; `function-registry.ts` does it. */
import type { FunctionSettings } from '../model/records.js';
import type { FunctionMetadata } from './function-metadata.js';

export type { FunctionMetadata } from './function-metadata.js';

export interface DeployRequest {
  /** Absolute path of the uploaded zip in the staging directory. The caller removes it afterwards, whatever happens. */
  zipPath: string;
  /** Validated function name. */
  name: string;
  /** Form fields beside the file, as text, without `funcName`. Unknown ones are refused. */
  fields: Record<string, string>;
}

export interface DeployResult {
  function: string;
  version: number;
  digest: string;
}

export interface Registry {
  /** Checks, extracts, load-checks and publishes. GlambdarError: INVALID_REQUEST, BUNDLE_TOO_LARGE, INVALID_BUNDLE, LOAD_FAILED, DISK_FULL, DRIVER_UNAVAILABLE. */
  deploy(request: DeployRequest): Promise<DeployResult>;
  /** Sorted by name. */
  list(): FunctionMetadata[];
  /** Throws FUNCTION_NOT_FOUND. */
  get(name: string): FunctionMetadata;
  /** Returns once the removal is durable and idle instances are gone. Throws FUNCTION_NOT_FOUND. */
  remove(name: string): Promise<void>;
  /** Changes some settings; resolves to the changed ones only. Throws INVALID_REQUEST, FUNCTION_NOT_FOUND, LOAD_FAILED. */
  configure(name: string, patch: unknown): Promise<Partial<FunctionSettings>>;
}

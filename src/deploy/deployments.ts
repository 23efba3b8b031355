/** Owns what `http/` may ask of deploying; `deploy-pipeline.ts` does it. */
import type { FunctionRef } from '../model/function/ref.js';
import type { FunctionSettings } from '../model/function/settings.js';

/** Where the files of a bundle are: an archive of one of the known formats, by its absolute path. */
export interface BundleSource {
  format: 'zip';
  path: string;
}

export interface DeployRequest {
  /** Lies in the staging directory. The caller removes it afterwards, whatever happens. */
  source: BundleSource;
  /** Validated. */
  ref: FunctionRef;
  /** Form fields beside the file, as text, without `funcName`. Unknown ones are refused. */
  fields: Record<string, string>;
}

export interface DeployResult {
  function: string;
  version: number;
  digest: string;
}

export interface Deployments {
  /**
   * Checks, extracts, load-checks and publishes. Rejects with GlambdarError: INVALID_REQUEST, BUNDLE_TOO_LARGE,
   * INVALID_BUNDLE, LOAD_FAILED, DISK_FULL, DRIVER_UNAVAILABLE, AT_CAPACITY.
   */
  deploy(request: DeployRequest): Promise<DeployResult>;
  /**
   * Changes some settings; resolves to the changed ones only. Rejects with INVALID_REQUEST, FUNCTION_NOT_FOUND,
   * LOAD_FAILED, CODE_UNAVAILABLE, DISK_FULL.
   */
  configure(ref: FunctionRef, patch: unknown): Promise<Partial<FunctionSettings>>;
}

/** Owns the interface by which `http/` deploys and configures functions. `deploy-pipeline.ts` implements it. */
import type { Readable } from 'node:stream';
import type { FunctionRef } from '../model/function/ref.js';
import type { FunctionRecord } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';
import type { FunctionSettings } from '../model/function/settings.js';

/** An archive with the files of a bundle. */
export interface BundleSource {
  /** `archive`: a zip, tar or tar.gz, recognised by its bytes. */
  format: 'archive' | 'zip' | 'tar';
  /** Absolute path. */
  path: string;
  /** The API family whose clients pack such archives; default: they hold the code and nothing else. */
  packaging?: 'faas' | 'invok';
}

export interface DeployRequest {
  /** The archive, in the staging directory. The caller removes it afterwards, also after a failure. */
  source: BundleSource;
  /** The function's ref; its name is validated. An archive of Invok may bring another name. */
  ref: FunctionRef;
  /** Form fields beside the file, as text, without `funcName`. Unknown fields are refused. */
  fields: Record<string, string>;
  /** Whether the sender may give a function `network: "bridge"`; default: no. */
  mayBridge?: boolean;
  /** Rejects when the sender may no longer deploy; asked just before the code is published. */
  assertAllowed?: () => Promise<void>;
  /** Ends an install of dependencies when it aborts; all else of a deploy is quick, and goes on. Each client may leave, and each server stop. */
  signal: AbortSignal;
  /** Gets sentences about what is being done. */
  progress?: (line: string) => void;
}

export interface DeployImageRequest {
  /** The function's ref; its name is validated. */
  ref: FunctionRef;
  /** The image, by a name that `parseImageReference` accepts; null registers the function without one. */
  image: string | null;
  /** Some of the settings, as a client sent them. */
  settings: unknown;
  /** Whoever registers the function, in the client's words; by default the owner so far. */
  owner?: string;
  /** The id of a new function: one that has the name already is refused. Default: a random one, or that of the function so far. */
  id?: FunctionId;
  /** See `ImageSupply.obtain`; default `missing`. */
  pull?: 'missing' | 'always';
  /** See `DeployRequest.assertAllowed`. */
  assertAllowed?: () => Promise<void>;
}

export interface DeployResult {
  function: string;
  version: number;
  digest: string;
  /** Sentences for the caller about what was installed, if there is something to say. */
  notes?: string[];
  /** Sentences for the author about the code, if there is something to say. */
  hints?: string[];
}

/** What a change of settings has led to. */
export interface ConfigureResult {
  /** The settings that are other ones than before. */
  changed: Partial<FunctionSettings>;
  /** The active version: a new one when a setting changed that shapes the container. */
  version: number;
}

/** A version's code as a zip, from whose deploy the same code would come. */
export interface CodeArchive {
  version: number;
  /** The zip's bytes, made as they are read. Destroying the stream gives up the archive. */
  stream: Readable;
}

export interface Deployments {
  /**
   * Checks, extracts, load-checks and publishes an archive. Rejects with GlambdarError: INVALID_REQUEST, BUNDLE_TOO_LARGE,
   * INVALID_BUNDLE, FORBIDDEN (see `mayBridge`), INSTALL_FAILED, INSTALL_UNAVAILABLE, LOAD_FAILED, DISK_FULL, DRIVER_UNAVAILABLE, AT_CAPACITY, CANCELLED.
   */
  deploy(request: DeployRequest): Promise<DeployResult>;
  /**
   * Finds or pulls an image, pins its digest and publishes it as a version of a function, which may be new. When image and
   * settings are those in force already, there is no new version. Resolves to the function's record. Rejects with
   * GlambdarError: INVALID_REQUEST, IMAGE_UNAVAILABLE, DRIVER_UNAVAILABLE, DISK_FULL.
   */
  deployImage(request: DeployImageRequest): Promise<FunctionRecord>;
  /**
   * Changes some settings. Rejects with INVALID_REQUEST, FUNCTION_NOT_FOUND, FORBIDDEN, LOAD_FAILED, CODE_UNAVAILABLE,
   * DISK_FULL.
   */
  configure(ref: FunctionRef, patch: unknown, sender?: { mayBridge: boolean }): Promise<ConfigureResult>;
  /**
   * Makes a kept version the active one again, if its code still loads; the active version stays as it is. Rejects with
   * FUNCTION_NOT_FOUND, VERSION_NOT_FOUND, FORBIDDEN, LOAD_FAILED, IMAGE_UNAVAILABLE, CODE_UNAVAILABLE, DISK_FULL.
   */
  rollback(ref: FunctionRef, version: number, sender?: { mayBridge: boolean }): Promise<DeployResult>;
  /**
   * The code of a kept version, by default of the active one. Rejects with FUNCTION_NOT_FOUND, VERSION_NOT_FOUND,
   * INVALID_REQUEST for an image, CODE_UNAVAILABLE.
   */
  code(ref: FunctionRef, version?: number): Promise<CodeArchive>;
}

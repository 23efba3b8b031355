/** Owns the interface by which a deploy installs packages that the code names and did not bring. */
import type { ManifestFile } from '../registry/tree-digest.js';

export interface DependenciesRequest {
  /** Absolute path of the staged code. */
  treeDir: string;
  /** What the code itself takes of the limits of a bundle. */
  sizeBytes: number;
  entries: number;
  /** Whose deploy it is: what depends on more than checksums is shared with nobody else. */
  namespace: string;
  installScripts: boolean;
  /** Aborts when the deploy is no longer wanted. */
  signal: AbortSignal;
  /** Gets sentences for the caller. */
  progress: (line: string) => void;
}

/** What was added to the staged code. */
export interface AddedFiles {
  /** Paths relative to the code's root. */
  files: ManifestFile[];
  sizeBytes: number;
  /** Sentences for the caller, e.g. which lockfile was not read. */
  notes: string[];
}

export interface Dependencies {
  /**
   * Adds the packages that the code needs to its staged tree, durably. Undefined when it has all of them. Rejects with
   * INSTALL_FAILED, BUNDLE_TOO_LARGE or INVALID_REQUEST (the caller's fault), INSTALL_UNAVAILABLE, DRIVER_UNAVAILABLE, DISK_FULL, CANCELLED.
   */
  add(request: DependenciesRequest): Promise<AddedFiles | undefined>;
  /** The staged code is published or gone. To be called after each `add`, also when that failed. */
  release(treeDir: string): void;
}

/** Owns the interface to whatever installs packages: `install/` implements it with npm in a container. */
import type { RegistryUrls } from './lockfile.js';

export interface InstallJob {
  /** Content of `package.json`. */
  manifest: string;
  /** Content of `package-lock.json`, or null when there is none. */
  lockfile: string | null;
  /** Whether scripts of packages are run. */
  installScripts: boolean;
  /** What the tree may take. */
  limits: { maxUnpackedBytes: number; maxEntries: number };
  /** Absolute path of a file that does not exist: it gets the tree, in the archive format `tree`. It may be left after a failure. */
  treeFile: string;
  /** Ends the install. */
  signal: AbortSignal;
  /** Gets sentences for the caller. */
  progress: (line: string) => void;
}

export interface PackageInstaller {
  /** Where packages come from. Rejects with INSTALL_UNAVAILABLE. */
  registry(): Promise<RegistryUrls>;
  /** A text that differs for systems on which an install may have another result: image with its Node, architecture. */
  environment(): string;
  /**
   * Installs, and resolves when the tree is in its file. `isWhole` is false when some request failed though npm was content:
   * an optional package may be missing. Rejects with INSTALL_FAILED, BUNDLE_TOO_LARGE, INVALID_REQUEST, INSTALL_UNAVAILABLE,
   * DRIVER_UNAVAILABLE, CANCELLED, or the file system's errors.
   */
  install(job: InstallJob): Promise<{ isWhole: boolean }>;
}

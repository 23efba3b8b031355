/** Owns what the pool must know of a function to have its instances ready: one version under the function's present settings. */
import type { ServerImage } from '../instance/companion.js';
import type { Profile } from '../model/function/profile.js';
import type { LoadMessage } from '../instance/wire/worker-connection.js';

/** A function's code as the pool needs it. */
export interface Code {
  /** Two keys are equal exactly for the same version of the same function with the same settings. */
  key: string;
  /** Makes a tree of the function's files at `target` (which does not exist, on the file system of the slots). */
  prepareTree(target: string): Promise<void>;
  /** Resolves when a tree that was made earlier may still be used: its files are links to the function's own. Rejects like `prepareTree`. */
  verifyTree(): Promise<void>;
  load: Omit<LoadMessage, 'type' | 'id'>;
  /** An image that runs beside the worker, which passes its calls on; null for code that the worker itself runs. */
  server: ServerImage | null;
}

export interface Workload {
  /** The function whose share of the machine the calls count against, the same for all its versions. */
  flow: string;
  profile: Profile;
  /** `profileKey(profile)`. */
  profileKey: string;
  code: Code;
  /** Isolation "function": an instance that was called before may be used, and is kept after a call. */
  reuse: boolean;
  /** How many loaded instances to keep; null = as many as the function's calls need. */
  standby: number | null;
}

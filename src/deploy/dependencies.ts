/** Owns the port by which a deploy adds to code the packages that it names and did not bring. */
import type { Source } from '../model/function/source.js';

/**
 * Adds to a staged tree what its code needs, durably. Resolves to whether the tree was changed: its digest is computed again
 * then. Rejects with a GlambdarError of the caller's fault when a dependency cannot be had.
 */
export type InstallDependencies = (treeDir: string, source: Source) => Promise<boolean>;

/** Code brings all that it needs. */
export const noDependencies: InstallDependencies = () => Promise.resolve(false);

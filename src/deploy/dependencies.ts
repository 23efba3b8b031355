/** Owns the interface by which a deploy installs packages that the code names and did not bring. */
import type { Source } from '../model/function/source.js';

/**
 * Adds the packages that the code needs to its staged tree, durably. Resolves to whether the tree was changed: then its
 * digest is computed again. Rejects with a GlambdarError that blames the caller when a package cannot be had.
 */
export type InstallDependencies = (treeDir: string, source: Source) => Promise<boolean>;

/** Installs nothing: the code must bring all packages that it needs. */
export const noDependencies: InstallDependencies = () => Promise.resolve(false);

/** Owns what a version was made of. */

/** Which language a bundle is written in. `runtimes/` has a file for each. */
export type RuntimeName = 'node';

/** A `bundle` is files that a worker of the runtime loads, an `image` a container image that is the function itself. */
export type Source = { type: 'bundle'; runtime: RuntimeName } | { type: 'image'; image: string };

/** The source of every version that a release without sources deployed. */
export const NODE_BUNDLE: Source = { type: 'bundle', runtime: 'node' };

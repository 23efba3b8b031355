/** Owns what a version was made of. */

/**
 * A `bundle` is files that a worker of the runtime (the name of a row in `runtimes/`) loads, an `image` a container image
 * that is the function itself.
 */
export type Source = { type: 'bundle'; runtime: string } | { type: 'image'; image: string };

/** The source of every version that a release without sources deployed. */
export const NODE_BUNDLE: Source = { type: 'bundle', runtime: 'node' };

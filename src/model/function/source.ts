/** Owns the shape of a version's source: a bundle of files, or an image. */

/**
 * A `bundle` is a tree of files that a worker of the runtime (the name of a row in `runtimes/`) loads; an `image` is a
 * container image that is the function itself.
 */
export type Source = { type: 'bundle'; runtime: string } | { type: 'image'; image: string };

/** The source of every version that a release without sources deployed. */
export const NODE_BUNDLE: Source = { type: 'bundle', runtime: 'node' };

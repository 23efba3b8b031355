/** Owns the shape of a version's source: a bundle of files, or an image. */

/** A container image that is the function itself. */
export interface ImageSource {
  type: 'image';
  /** The image as the client named it; null when the function was registered without one. */
  image: string | null;
  /** `sha256:…`, the id of the local image that the name meant at the registration; null without an image. */
  digest: string | null;
  /** TCP ports that the image exposes, ascending. */
  ports: number[];
  /** Whoever registered the function, in the client's words. */
  owner?: string;
}

/** A `bundle` is a tree of files that a worker of the runtime (the name of a row in `runtimes/`) loads. */
export type Source = { type: 'bundle'; runtime: string } | ImageSource;

/** The source of every version that a release without sources deployed. */
export const NODE_BUNDLE: Source = { type: 'bundle', runtime: 'node' };

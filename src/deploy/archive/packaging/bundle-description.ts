/** Owns what an archive says about its function in its family's own file. */

/** Nothing of it is checked. */
export interface BundleDescription {
  /** The function's name. */
  name?: string;
  /** Settings of the function, which those of the form replace. */
  settings?: Record<string, unknown>;
}

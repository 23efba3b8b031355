/** Owns the shape of the records from which a lost or damaged `glambdar.db` is rebuilt. */
import type { FunctionRecord, VersionRecord } from './function.js';
import type { FunctionRef } from './ref.js';

export interface RestoredFunctions {
  /**
   * Functions whose newest version on disk has a readable record. `versions` are all readable versions of the same life of
   * the function, the active one included.
   */
  functions: { record: FunctionRecord; versions: VersionRecord[] }[];
  /** Functions whose newest version has no readable record. Serving an older version instead would be a guess. */
  lost: FunctionRef[];
}

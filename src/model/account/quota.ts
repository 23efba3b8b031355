/** Owns what a namespace may take of this server. */

/** Null: as much as the server has. */
export interface Quota {
  /** Deployed functions. */
  readonly functions: number | null;
  /** Bytes of the code of all active versions, with their installed packages. */
  readonly bundleBytes: number | null;
  /** Calls that run or wait at once. */
  readonly concurrentCalls: number | null;
  readonly callsPerMinute: number | null;
}

/** Some parts of a quota, for one namespace. */
export type QuotaPatch = Partial<Quota>;

export const QUOTA_PARTS = ['functions', 'bundleBytes', 'concurrentCalls', 'callsPerMinute'] as const;

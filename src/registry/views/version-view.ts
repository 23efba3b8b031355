/** Owns a version of a function as clients see it. */
import type { VersionRecord } from '../../model/function/function.js';
import type { Source } from '../../model/function/source.js';

export interface VersionView {
  version: number;
  digest: string;
  /** RFC 3339 UTC. */
  deployedAt: string;
  sizeBytes: number;
  /** Whether new calls run it. */
  active: boolean;
  source: Source;
}

/** @param active the function's active version */
export function versionView(version: VersionRecord, active: VersionRecord): VersionView {
  const { digest, createdAt, sizeBytes, source } = version;
  return {
    version: version.version,
    digest,
    deployedAt: new Date(createdAt).toISOString(),
    sizeBytes,
    active: version.version === active.version,
    source,
  };
}

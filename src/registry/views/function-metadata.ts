/** Owns the metadata of a function that clients see. */
import type { FunctionCounters, FunctionRecord } from '../../model/function/function.js';
import type { FunctionSettings } from '../../model/function/settings.js';

/** Metadata of a function. Times are RFC 3339 UTC. */
export interface FunctionMetadata {
  name: string;
  createdAt: string;
  updatedAt: string;
  lastInvokedAt: string | null;
  invokeCount: number;
  errorCount: number;
  version: number;
  digest: string;
  sizeBytes: number;
  settings: FunctionSettings;
}

export function metadataOf(record: FunctionRecord, counters: FunctionCounters): FunctionMetadata {
  const { ref, active, settings } = record;
  return {
    name: ref.name,
    createdAt: new Date(record.createdAt).toISOString(),
    updatedAt: new Date(record.updatedAt).toISOString(),
    lastInvokedAt: counters.lastInvokedAt === null ? null : new Date(counters.lastInvokedAt).toISOString(),
    invokeCount: counters.invokeCount,
    errorCount: counters.errorCount,
    version: active.version,
    digest: active.digest,
    sizeBytes: active.sizeBytes,
    settings,
  };
}

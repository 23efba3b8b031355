/** Owns what clients are told about a function. */
import type { FunctionCounters, FunctionRecord, FunctionSettings } from '../store/records.js';

/** Metadata as clients see it. */
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
  const { name, active, settings } = record;
  return {
    name,
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

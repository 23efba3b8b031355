/** Owns what clients are told about a function. */
import type { Sidecar } from '../data/sidecar.js';
import type { FunctionCounters, FunctionRecord, FunctionSettings } from '../model/records.js';

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

/** What stands beside a version's code on disk. */
export function sidecarOf(record: FunctionRecord): Sidecar {
  const { active, settings, createdAt, updatedAt } = record;
  return { version: active, settings, createdAt, updatedAt };
}

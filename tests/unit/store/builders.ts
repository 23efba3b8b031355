/** Owns records with unremarkable values for tests of the store. */
import { DEFAULT_SETTINGS } from '../../../src/model/settings.js';
import type { FunctionSettings, InvocationRecord, VersionRecord } from '../../../src/model/records.js';
import type { PublishRequest } from '../../../src/store/store.js';

export const settings: FunctionSettings = { ...DEFAULT_SETTINGS };

export function version(name: string, number = 1): VersionRecord {
  return {
    name,
    version: number,
    digest: `sha256:${'ab'.repeat(32)}`,
    sizeBytes: 1234,
    createdAt: 1_000 + number,
  };
}

export function publication(name: string, number = 1, at = 1_000 * number): PublishRequest {
  return { version: version(name, number), settings, at };
}

export function call(
  id: string,
  funcName: string,
  overrides: Partial<InvocationRecord> = {},
): InvocationRecord {
  return {
    id,
    funcName,
    version: 1,
    invokedAt: 1_700_000_000_000,
    status: 200,
    outcome: 'ok',
    start: 'loaded',
    durationMs: 2.25,
    queueMs: 0.125,
    startMs: 0,
    loadMs: 0,
    runMs: 2.125,
    peakMemoryMb: 41.5,
    stdout: '',
    stderr: '',
    error: null,
    ...overrides,
  };
}

/** `count` calls named `<prefix>1` … in the order they are appended. */
export function calls(count: number, funcName: string, prefix = 'c'): InvocationRecord[] {
  return Array.from({ length: count }, (_, index) => call(`${prefix}${index + 1}`, funcName));
}

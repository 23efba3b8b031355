/** Owns records with unremarkable values for tests of the stores and of what stands on them. */
import type { CallRecord } from '../../../src/model/call/call.js';
import type { FunctionRecord, VersionRecord } from '../../../src/model/function/function.js';
import { functionIdOfEarlierRelease, type FunctionId } from '../../../src/model/function/id.js';
import { DEFAULT_NAMESPACE, type FunctionRef } from '../../../src/model/function/ref.js';
import { DEFAULT_SETTINGS, type FunctionSettings } from '../../../src/model/function/settings.js';
import { NODE_BUNDLE } from '../../../src/model/function/source.js';
import type { PublishRequest } from '../../../src/store/function-store.js';

export const settings: FunctionSettings = { ...DEFAULT_SETTINGS };

/** The id of the function of this name in these tests; another one for each of its lives. */
export function idOf(name: string, life = 1_000): FunctionId {
  return functionIdOfEarlierRelease(name, life);
}

export function refOf(name: string, namespace = DEFAULT_NAMESPACE): FunctionRef {
  return { namespace, name };
}

export function version(name: string, number = 1, life = 1_000): VersionRecord {
  return {
    functionId: idOf(name, life),
    version: number,
    digest: `sha256:${'ab'.repeat(32)}`,
    sizeBytes: 1234,
    createdAt: 1_000 + number,
    source: NODE_BUNDLE,
  };
}

export function record(name: string, number = 1, overrides: Partial<FunctionRecord> = {}): FunctionRecord {
  return {
    id: idOf(name),
    ref: refOf(name),
    createdAt: 1_000,
    updatedAt: 1_000 * number,
    active: version(name, number),
    settings,
    ...overrides,
  };
}

export function publication(name: string, number = 1, at = 1_000 * number, life = 1_000): PublishRequest {
  return { ref: refOf(name), version: version(name, number, life), settings, at };
}

export function call(id: string, funcName: string, overrides: Partial<CallRecord> = {}): CallRecord {
  return {
    id,
    functionId: idOf(funcName),
    funcName,
    version: 1,
    invokedAt: 1_700_000_000_000,
    method: 'POST',
    path: '/invoke/f',
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
export function calls(count: number, funcName: string, prefix = 'c'): CallRecord[] {
  return Array.from({ length: count }, (_, index) => call(`${prefix}${index + 1}`, funcName));
}

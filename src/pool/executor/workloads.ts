/** Owns how a deployed function looks to the pool: the profile of its containers, its code, and its worker's load message. */
import { profileKey } from '../../model/function/profile.js';
import { versionKey, type FunctionRecord } from '../../model/function/function.js';
import { handlerInBundle } from '../../model/function/source.js';
import type { Workload } from '../workload.js';
import { profileOf } from './function-profile.js';
import { serverWorkload } from './server-workload.js';

/** How the files of a version are copied and verified. */
export interface CodeOf {
  /** Makes a copy of the version's files at a path. Rejects with CODE_UNAVAILABLE. */
  copy: (record: FunctionRecord, target: string) => Promise<void>;
  /** Resolves when copies that were made earlier are still what was deployed. Rejects with CODE_UNAVAILABLE. */
  verify: (record: FunctionRecord) => Promise<void>;
}

/** How a function looks to the pool. Throws CODE_UNAVAILABLE for one that was registered without an image. */
export function workloadOf(record: FunctionRecord, { copy, verify }: CodeOf): Workload {
  const { source } = record.active;
  if (source.type === 'image') return serverWorkload(record, source);
  const { memoryMb, handler, contract, env, isolation, standby } = record.settings;
  const profile = profileOf(record.settings, source.runtime);
  return {
    flow: record.id,
    profile,
    profileKey: profileKey(profile),
    code: {
      key: versionKey(record.active),
      prepareTree: (target) => copy(record, target),
      verifyTree: () => verify(record),
      load: { name: record.ref.name, memoryMb, handler: handlerInBundle(handler, source), contract, env },
      server: null,
    },
    reuse: isolation === 'function',
    standby,
  };
}

/** Workloads of deployed functions, made once for each record. */
export function createWorkloads(code: CodeOf): (record: FunctionRecord) => Workload {
  const known = new WeakMap<FunctionRecord, Workload>();
  return (record) => {
    let workload = known.get(record);
    if (!workload) {
      workload = workloadOf(record, code);
      known.set(record, workload);
    }
    return workload;
  };
}

/** Owns how a deployed function looks to the pool: the profile of its containers, its code, and its worker's load message. */
import { profileKey } from '../../model/function/profile.js';
import { versionKey, type FunctionRecord, type VersionRecord } from '../../model/function/function.js';
import type { FunctionId } from '../../model/function/id.js';
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

/** What functions are given besides their settings. */
export interface SecretsOf {
  /** The values of a function's secrets. Throws SECRETS_UNAVAILABLE. */
  valuesOf: (record: FunctionRecord) => Readonly<Record<string, string>>;
  /** Another number after every change of the values, from 0 on. */
  revisionOf: (id: FunctionId) => number;
}

/**
 * The key of a version's code with the secrets of a revision: an instance that was given other values is not used. Images
 * are given none.
 */
export function codeKeyOf(version: VersionRecord, revision: number): string {
  const key = versionKey(version);
  return revision === 0 || version.source.type === 'image' ? key : `${key}/${revision}`;
}

/**
 * How a function looks to the pool. Throws CODE_UNAVAILABLE for one that was registered without an image, and
 * SECRETS_UNAVAILABLE.
 */
export function workloadOf(record: FunctionRecord, { copy, verify }: CodeOf, secrets: SecretsOf): Workload {
  const { source } = record.active;
  if (source.type === 'image') return serverWorkload(record, source);
  const { memoryMb, handler, contract, env, isolation, standby } = record.settings;
  const profile = profileOf(record.settings, source.runtime);
  return {
    flow: record.id,
    profile,
    profileKey: profileKey(profile),
    code: {
      key: codeKeyOf(record.active, secrets.revisionOf(record.id)),
      prepareTree: (target) => copy(record, target),
      verifyTree: () => verify(record),
      load: {
        name: record.ref.name,
        memoryMb,
        handler: handlerInBundle(handler, source),
        contract,
        env: { ...env, ...secrets.valuesOf(record) },
      },
      server: null,
    },
    reuse: isolation === 'function',
    standby,
  };
}

/** Workloads of deployed functions, made once for each record and revision of its secrets. */
export function createWorkloads(code: CodeOf, secrets: SecretsOf): (record: FunctionRecord) => Workload {
  const known = new WeakMap<FunctionRecord, { revision: number; workload: Workload }>();
  return (record) => {
    const revision = secrets.revisionOf(record.id);
    let made = known.get(record);
    if (made?.revision !== revision) {
      made = { revision, workload: workloadOf(record, code, secrets) };
      known.set(record, made);
    }
    return made.workload;
  };
}

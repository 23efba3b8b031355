/**
 * Owns how many functions, and how many bytes of code, a namespace may have. Deploys of different functions run side by side, so
 * each takes its room before it publishes, and what others have taken and not yet published counts, too.
 */
import { GlambdarError } from '../errors.js';
import type { Quota } from '../model/account/quota.js';
import type { FunctionRecord } from '../model/function/function.js';
import { refKey, type FunctionRef } from '../model/function/ref.js';

export interface NamespaceRoomOptions {
  /** Every deployed function. */
  records: () => FunctionRecord[];
  quotaOf: (namespace: string) => Pick<Quota, 'functions' | 'bundleBytes'>;
}

export interface NamespaceUse {
  functions: number;
  bundleBytes: number;
}

export class NamespaceRoom {
  readonly #options: NamespaceRoomOptions;
  /** Bytes that a deploy under way will have published, by function. */
  readonly #taken = new Map<string, { ref: FunctionRef; bytes: number }>();

  constructor(options: NamespaceRoomOptions) {
    this.#options = options;
  }

  /** What a namespace has deployed. */
  used(namespace: string): NamespaceUse {
    const own = this.#options.records().filter(({ ref }) => ref.namespace === namespace);
    return { functions: own.length, bundleBytes: own.reduce((sum, record) => sum + codeBytes(record), 0) };
  }

  /**
   * Takes the room of a function's next version; to be called in the turn of its name. Throws QUOTA_EXCEEDED when the
   * namespace would have more than its quota, unless it takes no more than before.
   * @param next the function's record as it will be
   * @returns gives back what was taken, once; to be called when the version is published, or will not be
   */
  take(next: FunctionRecord): () => void {
    const { ref } = next;
    const { namespace } = ref;
    const sizeBytes = codeBytes(next);
    const quota = this.#options.quotaOf(namespace);
    if (quota.functions === null && quota.bundleBytes === null) return () => undefined;
    const sizes = new Map(
      this.#options
        .records()
        .filter((record) => record.ref.namespace === namespace)
        .map((record) => [refKey(record.ref), codeBytes(record)]),
    );
    for (const [key, taken] of this.#taken)
      if (taken.ref.namespace === namespace) sizes.set(key, Math.max(taken.bytes, sizes.get(key) ?? 0));
    const key = refKey(ref);
    const before = sizes.get(key);
    if (before === undefined && quota.functions !== null && sizes.size >= quota.functions)
      throw exceeded(
        `${sizes.size} ${sizes.size === 1 ? 'function' : 'functions'}`,
        `${quota.functions}`,
        'Delete one first',
      );
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0) - (before ?? 0) + sizeBytes;
    if (quota.bundleBytes !== null && bytes > quota.bundleBytes && sizeBytes > (before ?? 0))
      throw exceeded(
        `${bytes} bytes of code with this deploy`,
        `${quota.bundleBytes}`,
        'Make it smaller, delete a function',
      );
    const taken = { ref, bytes: sizeBytes };
    this.#taken.set(key, taken);
    return () => {
      if (this.#taken.get(key) === taken) this.#taken.delete(key);
    };
  }
}

/** The layers of an image are Docker's, and shared by all who use it. */
function codeBytes({ active }: FunctionRecord): number {
  return active.source.type === 'bundle' ? active.sizeBytes : 0;
}

function exceeded(has: string, limit: string, remedy: string): GlambdarError {
  return new GlambdarError(
    'QUOTA_EXCEEDED',
    `This namespace has ${has}, and its quota is ${limit}. ${remedy}, or ask an admin for more.`,
  );
}

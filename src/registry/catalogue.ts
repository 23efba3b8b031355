/** Owns the list of deployed functions in memory: a call reads no database to find its function. */
import { GlambdarError } from '../errors.js';
import {
  versionKey,
  type FunctionCounters,
  type FunctionRecord,
  type VersionRecord,
} from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';
import { compareRefs, refKey, type FunctionRef } from '../model/function/ref.js';

interface Entry {
  record: FunctionRecord;
  counters: FunctionCounters;
}

export class Catalogue {
  readonly #byId = new Map<FunctionId, Entry>();
  readonly #byRef = new Map<string, Entry>();

  /** Adds a function, or replaces its record. A new function begins with the given counters, or with zeros. */
  set(record: FunctionRecord, counters?: FunctionCounters): void {
    const fresh = { invokeCount: 0, errorCount: 0, lastInvokedAt: null };
    const entry = { record, counters: counters ?? this.counters(record.id) ?? fresh };
    this.#byId.set(record.id, entry);
    this.#byRef.set(refKey(record.ref), entry);
  }

  delete({ id, ref }: FunctionRecord): void {
    this.#byId.delete(id);
    this.#byRef.delete(refKey(ref));
  }

  find(ref: FunctionRef): FunctionRecord | undefined {
    return this.#byRef.get(refKey(ref))?.record;
  }

  byId(id: FunctionId): FunctionRecord | undefined {
    return this.#byId.get(id)?.record;
  }

  /** The record of a deployed function. Throws FUNCTION_NOT_FOUND. */
  get(ref: FunctionRef): FunctionRecord {
    const record = this.find(ref);
    if (record === undefined) throw this.#notFound(ref);
    return record;
  }

  /** Names a function of the same namespace whose name differs in letter case only. */
  #notFound({ namespace, name }: FunctionRef): GlambdarError {
    const lower = name.toLowerCase();
    const similar = [...this.#byRef.values()].find(
      ({ record: { ref } }) => ref.namespace === namespace && ref.name.toLowerCase() === lower,
    );
    const advice =
      similar === undefined ? '' : ` Did you mean "${similar.record.ref.name}"? GET /info lists the names.`;
    return new GlambdarError('FUNCTION_NOT_FOUND', `Function not found!${advice}`);
  }

  /** All records, sorted by namespace and name. */
  list(): FunctionRecord[] {
    return [...this.#byId.values()].map(({ record }) => record).sort((a, b) => compareRefs(a.ref, b.ref));
  }

  /** Live counters, to be changed in place; undefined once the function is gone. */
  counters(id: FunctionId): FunctionCounters | undefined {
    return this.#byId.get(id)?.counters;
  }

  /** Whether calls that begin now run this version. */
  isActive(version: VersionRecord): boolean {
    const active = this.#byId.get(version.functionId)?.record.active;
    return active !== undefined && (active === version || versionKey(active) === versionKey(version));
  }
}

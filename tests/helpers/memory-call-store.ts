/** Owns a store of calls in memory for unit tests of what uses one; it passes the contract suite of `CallStore`. */
import type { CallRecord } from '../../src/model/call/call.js';
import type { FunctionCounters } from '../../src/model/function/function.js';
import type { FunctionId } from '../../src/model/function/id.js';
import { StoreError } from '../../src/model/store-error.js';
import type { CallQuery, CallStore } from '../../src/store/call-store.js';

/** Set `failure` to make every method reject with it: what a full or broken disk does. */
export class MemoryCallStore implements CallStore {
  failure: StoreError | undefined;
  readonly #counters = new Map<FunctionId, FunctionCounters>();
  /** Oldest first. */
  #records: CallRecord[] = [];
  #closed = false;

  async listCounters(): Promise<Map<FunctionId, FunctionCounters>> {
    await this.check();
    return structuredClone(this.#counters);
  }

  async append(
    records: CallRecord[],
    counters: Map<FunctionId, FunctionCounters>,
    keepPerFunction: number,
  ): Promise<void> {
    await this.check();
    const ids = new Set(this.#records.map(({ id }) => id));
    for (const record of records) {
      if (ids.has(record.id)) continue;
      ids.add(record.id);
      this.#records.push(structuredClone(record));
    }
    for (const [id, counts] of counters) this.#counters.set(id, { ...counts });
    const kept = new Map<FunctionId, number>();
    this.#records = this.#records
      .reverse()
      .filter(({ functionId }) => {
        const newer = kept.get(functionId) ?? 0;
        kept.set(functionId, newer + 1);
        return newer < keepPerFunction;
      })
      .reverse();
  }

  async functionOf(id: string): Promise<FunctionId | undefined> {
    return (await this.get(id))?.functionId;
  }

  async amend(records: CallRecord[]): Promise<void> {
    await this.check();
    for (const { id, stdout, stderr } of records) {
      const kept = this.#records.find((record) => record.id === id);
      if (kept !== undefined) Object.assign(kept, { stdout, stderr });
    }
  }

  async list({ functionId, limit, before }: CallQuery): Promise<CallRecord[]> {
    await this.check();
    const newestFirst = this.#records.filter((record) => record.functionId === functionId).reverse();
    const from = before === undefined ? 0 : newestFirst.findIndex(({ id }) => id === before) + 1;
    if (before !== undefined && from === 0) return [];
    return structuredClone(newestFirst.slice(from, from + Math.min(Math.max(limit, 1), 1000)));
  }

  async get(id: string): Promise<CallRecord | undefined> {
    await this.check();
    return structuredClone(this.#records.find((record) => record.id === id));
  }

  async forget(id: FunctionId): Promise<void> {
    await this.check();
    this.#forget((other) => other === id);
  }

  async forgetOthers(alive: FunctionId[]): Promise<void> {
    await this.check();
    this.#forget((id) => !alive.includes(id));
  }

  async check(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    if (this.#closed) throw new StoreError('The store is closed.', { full: false });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #forget(isForgotten: (id: FunctionId) => boolean): void {
    this.#records = this.#records.filter(({ functionId }) => !isForgotten(functionId));
    for (const id of this.#counters.keys()) if (isForgotten(id)) this.#counters.delete(id);
  }
}

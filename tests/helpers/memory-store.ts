/** Owns a store in memory for unit tests of what uses one; it passes the same contract suite as `SqliteStore`. */
import type {
  FunctionCounters,
  FunctionRecord,
  FunctionSettings,
  InvocationRecord,
  VersionRecord,
} from '../../src/model/records.js';
import { StoreError, type InvocationQuery, type PublishRequest, type Store } from '../../src/store/store.js';

/** Set `failure` to make every method throw it: what a full or broken disk does. */
export class MemoryStore implements Store {
  failure: StoreError | undefined;
  readonly #functions = new Map<string, FunctionRecord>();
  readonly #versions = new Map<string, VersionRecord[]>();
  readonly #counters = new Map<string, FunctionCounters>();
  /** Oldest first. */
  #invocations: InvocationRecord[] = [];
  #closed = false;

  listFunctions(): FunctionRecord[] {
    this.check();
    return [...this.#functions.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((record) => structuredClone(record));
  }

  getFunction(name: string): FunctionRecord | undefined {
    this.check();
    return structuredClone(this.#functions.get(name));
  }

  listVersions(name: string): VersionRecord[] {
    this.check();
    return structuredClone(this.#versions.get(name) ?? []).sort((a, b) => b.version - a.version);
  }

  publish({ version, settings, at }: PublishRequest): FunctionRecord {
    this.check();
    const { name } = version;
    const versions = this.#versions.get(name) ?? [];
    if (versions.some((kept) => kept.version === version.version)) {
      throw new StoreError(`Version ${version.version} of ${name} exists.`, { full: false });
    }
    const createdAt = this.#functions.get(name)?.createdAt ?? at;
    this.#versions.set(name, [...versions, structuredClone(version)]);
    this.#functions.set(name, structuredClone({ name, createdAt, updatedAt: at, active: version, settings }));
    return this.getFunction(name)!;
  }

  updateSettings(name: string, settings: FunctionSettings, at: number): FunctionRecord | undefined {
    this.check();
    const record = this.#functions.get(name);
    if (record === undefined) return undefined;
    this.#functions.set(name, { ...record, settings: structuredClone(settings), updatedAt: at });
    return this.getFunction(name);
  }

  removeVersions(name: string, versions: number[]): void {
    this.check();
    const active = this.#functions.get(name)?.active.version;
    const kept = this.#versions
      .get(name)
      ?.filter(({ version }) => version === active || !versions.includes(version));
    if (kept !== undefined) this.#versions.set(name, kept);
  }

  removeFunction(name: string): boolean {
    this.check();
    this.#versions.delete(name);
    this.#counters.delete(name);
    this.#invocations = this.#invocations.filter(({ funcName }) => funcName !== name);
    return this.#functions.delete(name);
  }

  listCounters(): Map<string, FunctionCounters> {
    this.check();
    return structuredClone(this.#counters);
  }

  appendInvocations(
    records: InvocationRecord[],
    counters: Map<string, FunctionCounters>,
    keepPerFunction: number,
  ): void {
    this.check();
    const ids = new Set(this.#invocations.map(({ id }) => id));
    for (const record of records) {
      if (!this.#functions.has(record.funcName) || ids.has(record.id)) continue;
      ids.add(record.id);
      this.#invocations.push(structuredClone(record));
    }
    for (const [name, counts] of counters) {
      if (this.#functions.has(name)) this.#counters.set(name, { ...counts });
    }
    const kept = new Map<string, number>();
    this.#invocations = this.#invocations
      .reverse()
      .filter(({ funcName }) => {
        const newer = kept.get(funcName) ?? 0;
        kept.set(funcName, newer + 1);
        return newer < keepPerFunction;
      })
      .reverse();
  }

  amendInvocations(records: InvocationRecord[]): void {
    this.check();
    for (const { id, stdout, stderr } of records) {
      const kept = this.#invocations.find((record) => record.id === id);
      if (kept !== undefined) Object.assign(kept, { stdout, stderr });
    }
  }

  listInvocations({ funcName, limit, before }: InvocationQuery): InvocationRecord[] {
    this.check();
    const newestFirst = this.#invocations.filter((record) => record.funcName === funcName).reverse();
    const from = before === undefined ? 0 : newestFirst.findIndex(({ id }) => id === before) + 1;
    if (before !== undefined && from === 0) return [];
    return structuredClone(newestFirst.slice(from, from + Math.min(Math.max(limit, 1), 1000)));
  }

  getInvocation(id: string): InvocationRecord | undefined {
    this.check();
    return structuredClone(this.#invocations.find((record) => record.id === id));
  }

  check(): void {
    if (this.failure !== undefined) throw this.failure;
    if (this.#closed) throw new StoreError('The store is closed.', { full: false });
  }

  close(): void {
    this.#closed = true;
  }
}

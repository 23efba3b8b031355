/** Owns a store of functions in memory for unit tests of what uses one; it passes the contract suite of `FunctionStore`. */
import type { FunctionRecord, VersionRecord } from '../../src/model/function/function.js';
import type { FunctionId } from '../../src/model/function/id.js';
import { compareRefs, refKey } from '../../src/model/function/ref.js';
import type { FunctionSettings } from '../../src/model/function/settings.js';
import { StoreError } from '../../src/model/store-error.js';
import type { FunctionStore, PublishRequest, VersionOnDisk } from '../../src/store/function-store.js';

/** Set `failure` to make every method reject with it: what a full or broken disk does. */
export class MemoryFunctionStore implements FunctionStore {
  failure: StoreError | undefined;
  readonly #functions = new Map<FunctionId, FunctionRecord>();
  readonly #versions = new Map<FunctionId, VersionRecord[]>();
  readonly #doomed = new Map<string, VersionOnDisk>();
  #closed = false;

  async list(): Promise<FunctionRecord[]> {
    await this.check();
    return [...this.#functions.values()]
      .sort((a, b) => compareRefs(a.ref, b.ref))
      .map((record) => structuredClone(record));
  }

  async get(id: FunctionId): Promise<FunctionRecord | undefined> {
    await this.check();
    return structuredClone(this.#functions.get(id));
  }

  async listVersions(id: FunctionId): Promise<VersionRecord[]> {
    await this.check();
    return structuredClone(this.#versions.get(id) ?? []).sort((a, b) => b.version - a.version);
  }

  async publish({ ref, version, settings, at }: PublishRequest): Promise<FunctionRecord> {
    await this.check();
    const id = version.functionId;
    const versions = this.#versions.get(id) ?? [];
    const namesake = [...this.#functions.values()].find((other) => compareRefs(other.ref, ref) === 0);
    if (
      versions.some((kept) => kept.version === version.version) ||
      (namesake !== undefined && namesake.id !== id)
    )
      throw new StoreError(`Version ${version.version} of ${ref.name} cannot be added.`, { full: false });
    const before = this.#functions.get(id);
    const record = {
      id,
      ref: before?.ref ?? ref,
      createdAt: before?.createdAt ?? at,
      updatedAt: at,
      active: version,
      settings,
    };
    this.#versions.set(id, [...versions, structuredClone(version)]);
    this.#functions.set(id, structuredClone(record));
    this.#doomed.delete(keyOf({ ref, version: version.version }));
    return structuredClone(record);
  }

  async activate(
    id: FunctionId,
    version: number,
    settings: FunctionSettings,
    at: number,
  ): Promise<FunctionRecord | undefined> {
    await this.check();
    const record = this.#functions.get(id);
    const active = this.#versions.get(id)?.find((kept) => kept.version === version);
    if (record === undefined || active === undefined) return undefined;
    this.#functions.set(id, structuredClone({ ...record, active, settings, updatedAt: at }));
    return this.get(id);
  }

  async updateSettings(
    id: FunctionId,
    settings: FunctionSettings,
    at: number,
  ): Promise<FunctionRecord | undefined> {
    await this.check();
    const record = this.#functions.get(id);
    if (record === undefined) return undefined;
    this.#functions.set(id, { ...record, settings: structuredClone(settings), updatedAt: at });
    return this.get(id);
  }

  async removeVersions(id: FunctionId, versions: number[]): Promise<void> {
    await this.check();
    const record = this.#functions.get(id);
    if (record === undefined) return;
    const isRemoved = ({ version }: VersionRecord): boolean =>
      version !== record.active.version && versions.includes(version);
    const kept = this.#versions.get(id)!;
    this.#doom(kept.filter(isRemoved).map(({ version }) => ({ ref: record.ref, version })));
    this.#versions.set(
      id,
      kept.filter((version) => !isRemoved(version)),
    );
  }

  async remove(id: FunctionId, leftovers: number[] = []): Promise<boolean> {
    await this.check();
    const record = this.#functions.get(id);
    if (record === undefined) return false;
    const versions = [...this.#versions.get(id)!.map(({ version }) => version), ...leftovers];
    this.#doom(versions.map((version) => ({ ref: record.ref, version })));
    this.#versions.delete(id);
    return this.#functions.delete(id);
  }

  async doom(versions: VersionOnDisk[]): Promise<void> {
    await this.check();
    this.#doom(versions);
  }

  async listDoomed(): Promise<VersionOnDisk[]> {
    await this.check();
    return structuredClone([...this.#doomed.values()]).sort(
      (a, b) => compareRefs(a.ref, b.ref) || a.version - b.version,
    );
  }

  async forgetDoomed(versions: VersionOnDisk[]): Promise<void> {
    await this.check();
    for (const version of versions) this.#doomed.delete(keyOf(version));
  }

  async check(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    if (this.#closed) throw new StoreError('The store is closed.', { full: false });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #doom(versions: VersionOnDisk[]): void {
    for (const version of versions) this.#doomed.set(keyOf(version), structuredClone(version));
  }
}

function keyOf({ ref, version }: VersionOnDisk): string {
  return `${refKey(ref)}@${version}`;
}

/**
 * Owns the interface to what survives a restart. `SqliteStore` implements it; the contract suite in
 * `tests/unit/store/store-contract.ts` says what every implementation must do.
 */
import type {
  FunctionCounters,
  FunctionRecord,
  FunctionSettings,
  InvocationRecord,
  VersionRecord,
} from '../model/records.js';

export interface PublishRequest {
  version: VersionRecord;
  settings: FunctionSettings;
  /** Epoch milliseconds of the deploy: `updatedAt`, and `createdAt` when the name is new. */
  at: number;
}

export interface InvocationQuery {
  funcName: string;
  /** 1–1000 */
  limit: number;
  /** Only calls that come after this one in the newest-first list, i.e. older ones: the id of a record. Unknown id → empty list. */
  before?: string;
}

/**
 * All methods are synchronous: SQLite is, and each is short. A failure of the medium throws `StoreError`.
 * Methods marked *durable* return only after the change would survive power loss.
 */
export interface Store {
  /** Every deployed function, sorted by name. */
  listFunctions(): FunctionRecord[];
  getFunction(name: string): FunctionRecord | undefined;
  /** Kept versions of a function, newest first; empty when unknown. */
  listVersions(name: string): VersionRecord[];
  /** *Durable.* Adds the version and makes it and the settings the active ones, in one transaction. */
  publish(request: PublishRequest): FunctionRecord;
  /** *Durable.* Replaces the settings of an existing function without a new version. Undefined when there is none. */
  updateSettings(name: string, settings: FunctionSettings, at: number): FunctionRecord | undefined;
  /** *Durable.* Forgets versions of a function other than its active one. Unknown ones are ignored. */
  removeVersions(name: string, versions: number[]): void;
  /** *Durable.* Forgets the function, its versions, its counters and its records of calls. False when there was none. */
  removeFunction(name: string): boolean;
  /** The counters of every function that was ever called. */
  listCounters(): Map<string, FunctionCounters>;
  /**
   * Appends records of calls and replaces counters in one transaction (survives a crash of the process, may lose the
   * last moments at power loss). Then forgets the oldest records of each function beyond `keepPerFunction`.
   * Records of functions that are not deployed are dropped; of two records with one id the first stays.
   */
  appendInvocations(
    records: InvocationRecord[],
    counters: Map<string, FunctionCounters>,
    keepPerFunction: number,
  ): void;
  /**
   * Replaces `stdout` and `stderr` of records that are here already, in one transaction as above. Unknown ones are ignored;
   * nothing else of a record changes, its place in lists included.
   */
  amendInvocations(records: InvocationRecord[]): void;
  /** Newest first: the one appended last comes first. */
  listInvocations(query: InvocationQuery): InvocationRecord[];
  getInvocation(id: string): InvocationRecord | undefined;
  /** Throws `StoreError` when the medium cannot be read or written; used by `/readyz`. */
  check(): void;
  /** May be called twice. */
  close(): void;
}

/** The medium failed. `full` tells a full disk from everything else. */
export class StoreError extends Error {
  readonly full: boolean;
  constructor(message: string, options: { full: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'StoreError';
    this.full = options.full;
  }
}

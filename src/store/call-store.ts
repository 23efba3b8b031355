/**
 * Owns the interface to records of calls and to counters as they survive a restart. The contract suite in
 * `tests/unit/store/call-store-contract.ts` says what every implementation must do.
 */
import type { CallRecord } from '../model/call/call.js';
import type { FunctionCounters } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';

export interface CallQuery {
  functionId: FunctionId;
  /** 1–1000 */
  limit: number;
  /** Only calls after this one in the newest-first list, i.e. older ones: the id of a record. Unknown id → empty list. */
  before?: string;
}

/**
 * Every method rejects with `StoreError` when the medium fails, and after `close`. Changes are made in one transaction;
 * they survive a crash of the process, and power loss may take the last moments. Changes are made in the order of the calls.
 */
export interface CallStore {
  /** The counters of every function that was ever called. */
  listCounters(): Promise<Map<FunctionId, FunctionCounters>>;
  /**
   * Appends records of calls and replaces counters. Then forgets the oldest records of each function beyond
   * `keepPerFunction`. Of two records with one id the first stays.
   */
  append(
    records: CallRecord[],
    counters: Map<FunctionId, FunctionCounters>,
    keepPerFunction: number,
  ): Promise<void>;
  /**
   * Replaces `stdout` and `stderr` of records that are here already. Unknown ones are ignored; nothing else of a record
   * changes, its place in lists included.
   */
  amend(records: CallRecord[]): Promise<void>;
  /** Newest first: the record appended last comes first. */
  list(query: CallQuery): Promise<CallRecord[]>;
  /** The record of the call with this id. */
  get(id: string): Promise<CallRecord | undefined>;
  /** Forgets the records and the counters of a function. */
  forget(id: FunctionId): Promise<void>;
  /** Forgets the records and the counters of every other function: a crash in the middle of a removal leaves some. */
  forgetOthers(alive: FunctionId[]): Promise<void>;
  /** Resolves when the medium can be read and written; used by `/readyz`. */
  check(): Promise<void>;
  /** May be called twice. */
  close(): Promise<void>;
}

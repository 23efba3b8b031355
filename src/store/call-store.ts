/**
 * Owns the interface to the stored records of calls and counters. The contract suite in
 * `tests/unit/store/call-store-contract.ts` tests every implementation.
 */
import type { CallRecord } from '../model/call/call.js';
import type { FunctionCounters } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';

export interface CallQuery {
  functionId: FunctionId;
  /** The most records wanted, 1–1000. */
  limit: number;
  /** Id of a record: only calls older than it, i.e. behind it in the newest-first list. Unknown id → empty list. */
  before?: string;
}

/**
 * Every method rejects with `StoreError` when the medium fails, and after `close`. Each method makes its changes in one
 * transaction, in the order of the calls. Changes survive a crash of the process; a power loss may undo the last ones.
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
   * Replaces `stdout` and `stderr` of stored records. Unknown records are ignored; nothing else of a record changes, nor
   * its place in lists.
   */
  amend(records: CallRecord[]): Promise<void>;
  /** Records, newest first: the record appended last comes first. */
  list(query: CallQuery): Promise<CallRecord[]>;
  /** The record of the call with this id; undefined when there is none. */
  get(id: string): Promise<CallRecord | undefined>;
  /** The function of the call with this id, without reading the record; undefined when there is none. */
  functionOf(id: string): Promise<FunctionId | undefined>;
  /** Forgets the records and the counters of a function. */
  forget(id: FunctionId): Promise<void>;
  /** Forgets the records and the counters of all functions but these: a crash in the middle of a removal leaves some. */
  forgetOthers(alive: FunctionId[]): Promise<void>;
  /** Resolves when the medium can be read and written; used by `/readyz`. */
  check(): Promise<void>;
  /** May be called twice. */
  close(): Promise<void>;
}

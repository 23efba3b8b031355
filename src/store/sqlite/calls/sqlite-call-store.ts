/**
 * Owns the store of calls on SQLite, `invocations.db`: records of calls and counters. When damage is met while the server
 * runs, an empty database takes over: records of calls are not worth a restart.
 */
import { join } from 'node:path';
import type { Logger } from '../../../logger.js';
import type { CallRecord } from '../../../model/call/call.js';
import type { FunctionCounters } from '../../../model/function/function.js';
import type { FunctionId } from '../../../model/function/id.js';
import type { CallQuery, CallStore } from '../../call-store.js';
import { makingRoom, opening, type MakeRoom } from '../medium.js';
import { isDamage, toStoreError } from '../sqlite-error.js';
import type { CallDatabase } from './call-database.js';
import { openCalls, replaceCalls } from './call-recovery.js';

export interface SqliteCallStoreOptions {
  /** GLAMBDAR_DIR, locked by `openDataDirectory`. */
  dir: string;
  logger?: Pick<Logger, 'warn'>;
  /** Called when the disk is full while the records of a deleted function are removed, or the database is opened. */
  onFull?: MakeRoom;
  /** Bytes of texts kept over all functions; smaller in tests. */
  textLimitBytes?: number;
}

const MAX_LIST = 1000;

/** See `CallStore` for the contract of the methods. Each method has finished its work when it returns its promise. */
export class SqliteCallStore implements CallStore {
  readonly #file: string;
  readonly #options: SqliteCallStoreOptions;
  #database: CallDatabase;
  #closed = false;

  /** Opens the database, bringing an older one up to date. Throws `StartupError`. */
  constructor(options: SqliteCallStoreOptions) {
    this.#options = options;
    this.#file = join(options.dir, 'invocations.db');
    this.#database = opening(this.#file, options.onFull, () => openCalls(options));
  }

  async listCounters(): Promise<Map<FunctionId, FunctionCounters>> {
    return this.#on((database) => database.counters());
  }

  async append(
    records: CallRecord[],
    counters: Map<FunctionId, FunctionCounters>,
    keepPerFunction: number,
  ): Promise<void> {
    this.#on((database) => database.append(records, counters, keepPerFunction));
  }

  async amend(records: CallRecord[]): Promise<void> {
    this.#on((database) => database.amend(records));
  }

  async list({ functionId, limit, before }: CallQuery): Promise<CallRecord[]> {
    return this.#on((database) => database.list(functionId, Math.min(Math.max(limit, 1), MAX_LIST), before));
  }

  async get(id: string): Promise<CallRecord | undefined> {
    return this.#on((database) => database.get(id));
  }

  async functionOf(id: string): Promise<FunctionId | undefined> {
    return this.#on((database) => database.functionOf(id));
  }

  async forget(id: FunctionId): Promise<void> {
    makingRoom(this.#options.onFull, () => this.#on((database) => database.forget(id)));
  }

  async forgetOthers(alive: FunctionId[]): Promise<void> {
    this.#on((database) => database.forgetOthers(alive));
  }

  async check(): Promise<void> {
    this.#on((database) => database.touch());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  #on<T>(body: (database: CallDatabase) => T): T {
    try {
      try {
        return body(this.#database);
      } catch (error) {
        if (this.#closed || !isDamage(error)) throw error;
        this.#database.close();
        this.#database = replaceCalls(this.#options, error);
        return body(this.#database);
      }
    } catch (error) {
      throw toStoreError(error, this.#file);
    }
  }
}

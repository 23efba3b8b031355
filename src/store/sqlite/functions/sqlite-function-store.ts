/**
 * Owns the store of functions on SQLite, `glambdar.db`: every deploy that was answered with 201. The file is apart from
 * `invocations.db`, because a deploy must wait for the medium and a record of a call must not.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../../logger.js';
import type { FunctionRecord, VersionRecord } from '../../../model/function/function.js';
import type { FunctionId } from '../../../model/function/id.js';
import type { RestoredFunctions } from '../../../model/function/restored-functions.js';
import type { FunctionSettings } from '../../../model/function/settings.js';
import { StoreError } from '../../../model/store-error.js';
import type { FunctionStore, PublishRequest, VersionOnDisk } from '../../function-store.js';
import { SqliteAccountStore } from '../accounts/sqlite-account-store.js';
import { SqliteAuditStore } from '../accounts/sqlite-audit-store.js';
import { SqliteQuotaStore } from '../accounts/sqlite-quota-store.js';
import { makingRoom, opening, type MakeRoom } from '../medium.js';
import { toStoreError } from '../sqlite-error.js';
import { SqliteRouteStore } from '../routes/sqlite-route-store.js';
import { SqliteSecretStore } from '../secrets/sqlite-secret-store.js';
import type { FunctionDatabase } from './function-database.js';
import { openFunctions } from './function-recovery.js';

export interface SqliteFunctionStoreOptions {
  /** GLAMBDAR_DIR, locked by `openDataDirectory`. */
  dir: string;
  /** Reads the records beside the code; called only when the database is missing or damaged. */
  readRestored: () => RestoredFunctions;
  logger?: Pick<Logger, 'warn'>;
  /** Called when the disk is full while a function is removed, or the database is opened. */
  onFull?: MakeRoom;
}

/** See `FunctionStore` for the contract of the methods. Each method has finished its work when it returns its promise. */
export class SqliteFunctionStore implements FunctionStore {
  /** A sentence about what had to be rebuilt or given up when the store was opened; null when nothing had to. */
  readonly recovered: string | null;
  /** The routes in the same file, open for as long as this store is. */
  readonly routes = new SqliteRouteStore((work) => this.#on((database) => work(database.routes)));
  /** The secrets in the same file, open for as long as this store is. */
  readonly secrets = new SqliteSecretStore((work) => this.#on((database) => work(database.secrets)));
  /** The users and their keys in the same file, and the log of what they did. */
  readonly accounts = new SqliteAccountStore((work) => this.#on((database) => work(database.accounts)));
  readonly audit = new SqliteAuditStore((work) => this.#on((database) => work(database.audit)));
  /** Likewise the quotas of single namespaces. */
  readonly quotas = new SqliteQuotaStore((work) => this.#on((database) => work(database.quotas)));
  readonly #file: string;
  readonly #onFull: MakeRoom | undefined;
  readonly #database: FunctionDatabase;
  readonly #inode: bigint;
  #closed = false;

  /** Opens the database, bringing an older one up to date. Throws `StartupError`. */
  constructor({ dir, readRestored, logger, onFull }: SqliteFunctionStoreOptions) {
    this.#file = join(dir, 'glambdar.db');
    this.#onFull = onFull;
    const { database, recovered } = opening(this.#file, onFull, () => openFunctions(this.#file, readRestored));
    this.#database = database;
    this.recovered = recovered;
    if (recovered !== null) logger?.warn(recovered);
    this.#inode = statSync(this.#file, { bigint: true }).ino;
  }

  async list(): Promise<FunctionRecord[]> {
    return this.#on((database) => database.list());
  }

  async get(id: FunctionId): Promise<FunctionRecord | undefined> {
    return this.#on((database) => database.get(id));
  }

  async listVersions(id: FunctionId): Promise<VersionRecord[]> {
    return this.#on((database) => database.versions(id));
  }

  async publish(request: PublishRequest): Promise<FunctionRecord> {
    return this.#on((database) => {
      database.publish(request);
      return database.get(request.version.functionId)!;
    });
  }

  async activate(
    id: FunctionId,
    version: number,
    settings: FunctionSettings,
    at: number,
  ): Promise<FunctionRecord | undefined> {
    return this.#on((database) =>
      database.activate(id, version, settings, at) ? database.get(id) : undefined,
    );
  }

  async updateSettings(
    id: FunctionId,
    settings: FunctionSettings,
    at: number,
  ): Promise<FunctionRecord | undefined> {
    return this.#on((database) => {
      database.updateSettings(id, settings, at);
      return database.get(id);
    });
  }

  async removeVersions(id: FunctionId, versions: number[]): Promise<void> {
    this.#on((database) => database.removeVersions(id, versions));
  }

  async remove(id: FunctionId, leftovers: number[] = []): Promise<boolean> {
    return makingRoom(this.#onFull, () => this.#on((database) => database.remove(id, leftovers)));
  }

  async doom(versions: VersionOnDisk[]): Promise<void> {
    this.#on((database) => database.doom(versions));
  }

  async listDoomed(): Promise<VersionOnDisk[]> {
    return this.#on((database) => database.doomed());
  }

  async forgetDoomed(versions: VersionOnDisk[]): Promise<void> {
    this.#on((database) => database.forgetDoomed(versions));
  }

  async check(): Promise<void> {
    this.#on((database) => database.get('' as FunctionId));
    // SQLite goes on writing to a deleted file, and all changes it acknowledges are gone at the next start.
    const inode = statSync(this.#file, { bigint: true, throwIfNoEntry: false })?.ino;
    if (inode !== this.#inode) {
      throw new StoreError('glambdar.db was moved or deleted while the server runs; restart the server.', {
        full: false,
      });
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  #on<T>(body: (database: FunctionDatabase) => T): T {
    try {
      return body(this.#database);
    } catch (error) {
      throw toStoreError(error, this.#file);
    }
  }
}

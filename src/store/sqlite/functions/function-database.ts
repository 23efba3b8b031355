/**
 * Owns `glambdar.db`: functions, their versions and secrets, and the routes to them, users, their keys and the audit log. Every
 * commit is on the medium when a method returns.
 */
import type { FunctionRecord, VersionRecord } from '../../../model/function/function.js';
import type { FunctionId } from '../../../model/function/id.js';
import type { RestoredFunctions } from '../../../model/function/restored-functions.js';
import type { FunctionSettings } from '../../../model/function/settings.js';
import type { Source } from '../../../model/function/source.js';
import { StoreError } from '../../../model/store-error.js';
import type { PublishRequest, VersionOnDisk } from '../../function-store.js';
import { AccountTable } from '../accounts/account-table.js';
import { AuditTable } from '../accounts/audit-table.js';
import { QuotaTable } from '../accounts/quota-table.js';
import type { Database } from '../binding.js';
import { migrate, refuseNewer, schemaVersion } from '../migrate.js';
import { emptyLog, openDatabase, openReadOnly } from '../open-database.js';
import { isConstraint, isDamage } from '../sqlite-error.js';
import { RouteTable } from '../routes/route-table.js';
import { SecretTable } from '../secrets/secret-table.js';
import { transaction } from '../transaction.js';
import { walDamage } from '../wal.js';
import { functionMigrations } from './function-schema.js';

interface VersionRow {
  function_id: string;
  version: number;
  digest: string;
  size_bytes: number;
  created_at: number;
  source: string;
}

/** A row of `functions` with its active version. */
interface FunctionRow extends VersionRow {
  namespace: string;
  name: string;
  function_created_at: number;
  updated_at: number;
  settings: string;
}

const selectFunction = `
  SELECT f.namespace, f.name, f.created_at AS function_created_at, f.updated_at, f.settings, v.*
  FROM functions f JOIN versions v ON v.function_id = f.id AND v.version = f.active_version`;

const WAL_LIMIT_BYTES = 4 * 1024 * 1024;

/** Methods throw SQLite's own errors; `SqliteFunctionStore` turns them into `StoreError`. */
export class FunctionDatabase {
  readonly routes: RouteTable;
  readonly secrets: SecretTable;
  readonly accounts: AccountTable;
  readonly audit: AuditTable;
  readonly quotas: QuotaTable;
  readonly #db: Database;
  readonly #statements;

  private constructor(db: Database) {
    this.#db = db;
    this.routes = new RouteTable(db);
    this.secrets = new SecretTable(db);
    this.accounts = new AccountTable(db);
    this.audit = new AuditTable(db);
    this.quotas = new QuotaTable(db);
    this.#statements = {
      list: db.prepare(`${selectFunction} ORDER BY f.namespace, f.name`),
      get: db.prepare(`${selectFunction} WHERE f.id = ?`),
      versions: db.prepare('SELECT * FROM versions WHERE function_id = ? ORDER BY version DESC'),
      putFunction: db.prepare(`
        INSERT INTO functions (id, namespace, name, created_at, updated_at, active_version, settings)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET
          updated_at = excluded.updated_at, active_version = excluded.active_version, settings = excluded.settings`),
      putVersion: db.prepare(
        'INSERT INTO versions (function_id, version, digest, size_bytes, created_at, source) VALUES (?, ?, ?, ?, ?, ?)',
      ),
      activate: db.prepare(`
        UPDATE functions SET active_version = ?, settings = ?, updated_at = ?
        WHERE id = ? AND EXISTS (SELECT 1 FROM versions WHERE function_id = functions.id AND version = ?)`),
      putSettings: db.prepare('UPDATE functions SET settings = ?, updated_at = ? WHERE id = ?'),
      removeVersion: db.prepare(`
        DELETE FROM versions WHERE function_id = ? AND version = ?
          AND version <> (SELECT active_version FROM functions f WHERE f.id = versions.function_id)`),
      remove: db.prepare('DELETE FROM functions WHERE id = ?'),
      doomed: db.prepare('SELECT * FROM doomed_versions ORDER BY namespace, name, version'),
      doom: db.prepare('INSERT INTO doomed_versions VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
      doomVersion: db.prepare(`
        INSERT INTO doomed_versions SELECT namespace, name, version FROM functions JOIN versions ON function_id = id
        WHERE id = ? AND version = ? AND version <> active_version ON CONFLICT DO NOTHING`),
      doomFunction: db.prepare(`
        INSERT INTO doomed_versions SELECT namespace, name, version FROM functions JOIN versions ON function_id = id
        WHERE id = ? ON CONFLICT DO NOTHING`),
      doomLeftover: db.prepare(`
        INSERT INTO doomed_versions SELECT namespace, name, ? FROM functions WHERE id = ? ON CONFLICT DO NOTHING`),
      spare: db.prepare('DELETE FROM doomed_versions WHERE namespace = ? AND name = ? AND version = ?'),
    };
  }

  /**
   * The damage of an existing database in words, mostly SQLite's; undefined when the database is sound. The file stays as it
   * is. Throws `StartupError` when a newer release wrote it.
   */
  static damage(file: string): string | undefined {
    // The -wal is checked before SQLite opens it: SQLite silently drops all frames from the first bad one on.
    const broken = walDamage(`${file}-wal`);
    if (broken !== undefined) return broken;
    const db = openReadOnly(file);
    try {
      refuseNewer(db, functionMigrations, file);
      const { quick_check: found } = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
      if (found !== 'ok' || schemaVersion(db) === 0) return found === 'ok' ? undefined : found;
      // Changed bytes may leave the pages in order. quick_check is said to evaluate CHECKs, but passes over this one.
      const row = db.prepare('SELECT 1 FROM functions WHERE NOT json_valid(settings) LIMIT 1').get();
      if (row !== undefined) return 'settings that are not JSON';
      return db.prepare('PRAGMA foreign_key_check').get() === undefined
        ? undefined
        : 'functions without their version';
    } catch (error) {
      if (isDamage(error)) return (error as Error).message;
      throw error;
    } finally {
      db.close();
    }
  }

  /** Opens a sound database, or creates one with the functions that `restored` returns. */
  static open(file: string, restored: () => RestoredFunctions): FunctionDatabase {
    const db = openDatabase(file, 'FULL', WAL_LIMIT_BYTES);
    try {
      migrate(db, functionMigrations, () => new FunctionDatabase(db).#fill(restored()));
      emptyLog(db); // so that frames that a crash left in the log are never mistaken for damage later (see `wal.ts`)
      return new FunctionDatabase(db);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  list(): FunctionRecord[] {
    return this.#statements.list.all().map((row) => toFunction(row as FunctionRow));
  }

  get(id: FunctionId): FunctionRecord | undefined {
    const row = this.#statements.get.get(id) as FunctionRow | undefined;
    return row === undefined ? undefined : toFunction(row);
  }

  versions(id: FunctionId): VersionRecord[] {
    return this.#statements.versions.all(id).map((row) => toVersion(row as VersionRow));
  }

  publish({ ref, version, settings, at }: PublishRequest): void {
    const record = { id: version.functionId, ref, createdAt: at, updatedAt: at, active: version, settings };
    try {
      transaction(this.#db, () => {
        this.#putFunction(record);
        this.#putVersion(version);
        this.#statements.spare.run(ref.namespace, ref.name, version.version);
      });
    } catch (error) {
      if (!isConstraint(error)) throw error;
      throw new StoreError(
        `Version ${version.version} of ${ref.name} cannot be added: the version or the name is there already.`,
        { full: false, cause: error },
      );
    }
  }

  /** False when the function has no such version. */
  activate(id: FunctionId, version: number, settings: FunctionSettings, at: number): boolean {
    return transaction(this.#db, () => {
      const text = JSON.stringify(settings);
      return this.#statements.activate.run(version, text, at, id, version).changes > 0;
    });
  }

  updateSettings(id: FunctionId, settings: FunctionSettings, at: number): void {
    transaction(this.#db, () => this.#statements.putSettings.run(JSON.stringify(settings), at, id));
  }

  removeVersions(id: FunctionId, versions: number[]): void {
    transaction(this.#db, () => {
      for (const version of versions) {
        this.#statements.doomVersion.run(id, version);
        this.#statements.removeVersion.run(id, version);
      }
    });
  }

  /** False when there is no such function. */
  remove(id: FunctionId, leftovers: readonly number[]): boolean {
    return transaction(this.#db, () => {
      this.#statements.doomFunction.run(id);
      for (const version of leftovers) this.#statements.doomLeftover.run(version, id);
      return this.#statements.remove.run(id).changes > 0;
    });
  }

  doom(versions: readonly VersionOnDisk[]): void {
    transaction(this.#db, () => {
      for (const { ref, version } of versions) this.#statements.doom.run(ref.namespace, ref.name, version);
    });
  }

  doomed(): VersionOnDisk[] {
    const rows = this.#statements.doomed.all() as { namespace: string; name: string; version: number }[];
    return rows.map(({ namespace, name, version }) => ({ ref: { namespace, name }, version }));
  }

  forgetDoomed(versions: readonly VersionOnDisk[]): void {
    transaction(this.#db, () => {
      for (const { ref, version } of versions) this.#statements.spare.run(ref.namespace, ref.name, version);
    });
  }

  close(): void {
    emptyLog(this.#db);
    this.#db.close();
  }

  #fill({ functions }: RestoredFunctions): void {
    for (const { record, versions } of functions) {
      this.#putFunction(record);
      for (const version of versions) this.#putVersion(version);
    }
  }

  /** Adds or updates a function; a known function keeps its time of creation. */
  #putFunction({ id, ref, createdAt, updatedAt, active, settings }: FunctionRecord): void {
    const { namespace, name } = ref;
    const text = JSON.stringify(settings);
    this.#statements.putFunction.run(id, namespace, name, createdAt, updatedAt, active.version, text);
  }

  #putVersion({ functionId, version, digest, sizeBytes, createdAt, source }: VersionRecord): void {
    const text = JSON.stringify(source);
    this.#statements.putVersion.run(functionId, version, digest, sizeBytes, createdAt, text);
  }
}

function toVersion(row: VersionRow): VersionRecord {
  return {
    functionId: row.function_id as FunctionId,
    version: row.version,
    digest: row.digest,
    sizeBytes: row.size_bytes,
    createdAt: row.created_at,
    source: JSON.parse(row.source) as Source,
  };
}

function toFunction(row: FunctionRow): FunctionRecord {
  return {
    id: row.function_id as FunctionId,
    ref: { namespace: row.namespace, name: row.name },
    createdAt: row.function_created_at,
    updatedAt: row.updated_at,
    active: toVersion(row),
    // The settings as any release wrote them: the registry deals with unknown and missing keys.
    settings: JSON.parse(row.settings) as FunctionSettings,
  };
}

/** Owns `glambdar.db`: functions and their versions. Every commit is on the medium when a method returns. */
import { deploymentMigrations, migrate, refuseNewer, schemaVersion } from './migrations.js';
import type { FunctionRecord, FunctionSettings, VersionRecord } from '../../model/records.js';
import {
  emptyLog,
  isConstraint,
  isDamage,
  openDatabase,
  openReadOnly,
  transaction,
  type Database,
} from './sqlite.js';
import { StoreError, type PublishRequest } from '../store.js';
import { walDamage } from './wal.js';

interface FunctionRow {
  name: string;
  created_at: number;
  updated_at: number;
  settings: string;
  version: number;
  digest: string;
  size_bytes: number;
  version_created_at: number;
}

interface VersionRow {
  name: string;
  version: number;
  digest: string;
  size_bytes: number;
  created_at: number;
}

const selectFunction = `
  SELECT f.name, f.created_at, f.updated_at, f.settings, v.version, v.digest, v.size_bytes, v.created_at AS version_created_at
  FROM functions f JOIN versions v ON v.name = f.name AND v.version = f.active_version`;

/** Methods throw SQLite's own errors; `SqliteStore` turns them into `StoreError`. */
export class DeploymentDatabase {
  readonly #db: Database;
  readonly #statements;

  private constructor(db: Database) {
    this.#db = db;
    this.#statements = {
      list: db.prepare(`${selectFunction} ORDER BY f.name`),
      get: db.prepare(`${selectFunction} WHERE f.name = ?`),
      versions: db.prepare('SELECT * FROM versions WHERE name = ? ORDER BY version DESC'),
      putFunction: db.prepare(`
        INSERT INTO functions (name, created_at, updated_at, active_version, settings) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET
          updated_at = excluded.updated_at, active_version = excluded.active_version, settings = excluded.settings`),
      putVersion: db.prepare(
        'INSERT INTO versions (name, version, digest, size_bytes, created_at) VALUES (?, ?, ?, ?, ?)',
      ),
      putSettings: db.prepare('UPDATE functions SET settings = ?, updated_at = ? WHERE name = ?'),
      removeVersion: db.prepare(`
        DELETE FROM versions WHERE name = ? AND version = ?
          AND version <> (SELECT active_version FROM functions f WHERE f.name = versions.name)`),
      remove: db.prepare('DELETE FROM functions WHERE name = ?'),
    };
  }

  /**
   * What is wrong with an existing database, in SQLite's words; undefined when it is sound. The file stays as it is.
   * Throws `StartupError` when a newer release wrote it.
   */
  static damage(file: string): string | undefined {
    // Asked before SQLite opens the file: it silently drops what follows the first bad frame of the -wal.
    const broken = walDamage(`${file}-wal`);
    if (broken !== undefined) return broken;
    const db = openReadOnly(file);
    try {
      refuseNewer(db, deploymentMigrations, file);
      const { quick_check: found } = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
      if (found !== 'ok' || schemaVersion(db) === 0) return found === 'ok' ? undefined : found;
      // Changed bytes that leave the pages in order. quick_check is said to evaluate CHECKs; this one it passes over.
      const row = db.prepare('SELECT name FROM functions WHERE NOT json_valid(settings) LIMIT 1').get();
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

  /** Opens a sound database, or creates one that starts with what `restored` returns. */
  static open(file: string, restored: () => FunctionRecord[]): DeploymentDatabase {
    const db = openDatabase(file, 'FULL', 4 * 1024 * 1024);
    try {
      migrate(db, deploymentMigrations, () => {
        const fresh = new DeploymentDatabase(db);
        for (const record of restored()) fresh.#put(record, record.createdAt);
      });
      emptyLog(db); // so that what a crash left in it is never mistaken for damage later (see `wal.ts`)
      return new DeploymentDatabase(db);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  list(): FunctionRecord[] {
    return this.#statements.list.all().map((row) => toFunction(row as FunctionRow));
  }

  get(name: string): FunctionRecord | undefined {
    const row = this.#statements.get.get(name) as FunctionRow | undefined;
    return row === undefined ? undefined : toFunction(row);
  }

  versions(name: string): VersionRecord[] {
    const rows = this.#statements.versions.all(name) as VersionRow[];
    return rows.map((row) => ({
      name: row.name,
      version: row.version,
      digest: row.digest,
      sizeBytes: row.size_bytes,
      createdAt: row.created_at,
    }));
  }

  publish({ version, settings, at }: PublishRequest): void {
    try {
      transaction(this.#db, () =>
        this.#put({ name: version.name, active: version, settings, updatedAt: at }, at),
      );
    } catch (error) {
      if (!isConstraint(error)) throw error;
      throw new StoreError(
        `Version ${version.version} of ${version.name} cannot be added: it exists already.`,
        {
          full: false,
          cause: error,
        },
      );
    }
  }

  updateSettings(name: string, settings: FunctionSettings, at: number): void {
    transaction(this.#db, () => this.#statements.putSettings.run(JSON.stringify(settings), at, name));
  }

  removeVersions(name: string, versions: number[]): void {
    transaction(this.#db, () => {
      for (const version of versions) this.#statements.removeVersion.run(name, version);
    });
  }

  remove(name: string): boolean {
    return transaction(this.#db, () => this.#statements.remove.run(name).changes > 0);
  }

  close(): void {
    emptyLog(this.#db);
    this.#db.close();
  }

  #put({ name, active, settings, updatedAt }: Omit<FunctionRecord, 'createdAt'>, createdAt: number): void {
    this.#statements.putFunction.run(name, createdAt, updatedAt, active.version, JSON.stringify(settings));
    this.#statements.putVersion.run(name, active.version, active.digest, active.sizeBytes, active.createdAt);
  }
}

function toFunction(row: FunctionRow): FunctionRecord {
  return {
    name: row.name,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    active: {
      name: row.name,
      version: row.version,
      digest: row.digest,
      sizeBytes: row.size_bytes,
      createdAt: row.version_created_at,
    },
    // As it was written, by whichever release: unknown and missing keys are the registry's to deal with.
    settings: JSON.parse(row.settings) as FunctionSettings,
  };
}

/** Owns bringing a database to the newest schema, step by step. `function-schema.ts` and `call-schema.ts` own the steps. */
import { basename } from 'node:path';
import { StartupError } from '../../model/startup-error.js';
import type { Database } from './binding.js';
import { transaction } from './transaction.js';

/** One step: SQL, or a function where SQL is not enough. Foreign keys are not enforced during the step, and checked at its end. */
export type Migration = string | ((db: Database) => void);

/** The schema version of a database; 0 when it is new. Reads the header only. */
export function schemaVersion(db: Database): number {
  return (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** Throws `StartupError` when the database was written by a newer release than this one. */
export function refuseNewer(db: Database, migrations: readonly Migration[], file: string): void {
  const version = schemaVersion(db);
  if (version <= migrations.length) return;
  throw new StartupError(
    `${basename(file)} was written by a newer Glambdar (schema ${version}, this release knows up to ${migrations.length}); ` +
      'start that release again, or choose another GLAMBDAR_DIR.',
  );
}

/**
 * Brings a database to the newest schema, each step in its own transaction: a step that fails leaves the schema before it.
 * A new database gets all steps and the rows that `fill` writes in one transaction, so it has all of its content or none.
 */
export function migrate(db: Database, migrations: readonly Migration[], fill: () => void = () => {}): void {
  const from = schemaVersion(db);
  if (from === migrations.length) return;
  // A table that other tables refer to can be replaced only while keys are not enforced: dropping it would delete their rows.
  db.exec('PRAGMA foreign_keys = OFF');
  try {
    if (from === 0) {
      reach(db, migrations.length, () => {
        for (const step of migrations) perform(db, step);
        fill();
      });
    } else {
      for (const [index, step] of migrations.entries())
        if (index >= from) reach(db, index + 1, () => perform(db, step));
    }
  } finally {
    db.exec('PRAGMA foreign_keys = ON');
  }
}

function reach(db: Database, version: number, work: () => void): void {
  transaction(db, () => {
    work();
    if (db.prepare('PRAGMA foreign_key_check').get() !== undefined)
      throw new Error(`the step to schema ${version} leaves rows that refer to nothing`);
    db.exec(`PRAGMA user_version = ${version}`);
  });
}

function perform(db: Database, step: Migration): void {
  if (typeof step === 'string') db.exec(step);
  else step(db);
}

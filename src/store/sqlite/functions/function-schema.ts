/** Owns the schema of `glambdar.db`, and the way from any older one to the newest. */
import { functionIdOfEarlierRelease } from '../../../model/function/id.js';
import { DEFAULT_NAMESPACE } from '../../../model/function/ref.js';
import { NODE_BUNDLE } from '../../../model/function/source.js';
import type { Migration } from '../migrate.js';

/**
 * The n-th step brings a database to `user_version` n. Released steps are never edited: add one.
 * - Settings and sources are JSON text, so a new setting needs no step.
 * - The deferred key of `functions` makes "the active version exists" a rule of the data.
 * - `routes` go with the function they lead to, and `secrets` with the function that gets them.
 * - `doomed_versions`: versions whose files may be removed; see `FunctionStore.doom`.
 */
export const functionMigrations: readonly Migration[] = [
  `
  CREATE TABLE functions (
    name TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    active_version INTEGER NOT NULL,
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    FOREIGN KEY (name, active_version) REFERENCES versions (name, version) DEFERRABLE INITIALLY DEFERRED
  ) STRICT;
  CREATE TABLE versions (
    name TEXT NOT NULL REFERENCES functions (name) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (name, version)
  ) STRICT;
  `,
  (db) => {
    const functions = db.prepare('SELECT * FROM functions').all() as FunctionRowOfSchema1[];
    const versions = db.prepare('SELECT * FROM versions').all() as VersionRowOfSchema1[];
    db.exec(`
      DROP TABLE functions;
      DROP TABLE versions;
      CREATE TABLE functions (
        id TEXT PRIMARY KEY,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        active_version INTEGER NOT NULL,
        settings TEXT NOT NULL CHECK (json_valid(settings)),
        UNIQUE (namespace, name),
        FOREIGN KEY (id, active_version) REFERENCES versions (function_id, version) DEFERRABLE INITIALLY DEFERRED
      ) STRICT;
      CREATE TABLE versions (
        function_id TEXT NOT NULL REFERENCES functions (id) ON DELETE CASCADE,
        version INTEGER NOT NULL,
        digest TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        source TEXT NOT NULL CHECK (json_valid(source)),
        PRIMARY KEY (function_id, version)
      ) STRICT;
      CREATE TABLE doomed_versions (
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        PRIMARY KEY (namespace, name, version)
      ) STRICT;
    `);
    const putFunction = db.prepare('INSERT INTO functions VALUES (?, ?, ?, ?, ?, ?, ?)');
    const putVersion = db.prepare('INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?)');
    const ids = new Map<string, string>();
    for (const { name, created_at, updated_at, active_version, settings } of functions) {
      const id = functionIdOfEarlierRelease(name, created_at);
      ids.set(name, id);
      putFunction.run(id, DEFAULT_NAMESPACE, name, created_at, updated_at, active_version, settings);
    }
    for (const { name, version, digest, size_bytes, created_at } of versions)
      putVersion.run(ids.get(name)!, version, digest, size_bytes, created_at, JSON.stringify(NODE_BUNDLE));
  },
  `
  CREATE TABLE routes (
    id TEXT PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    function_id TEXT NOT NULL REFERENCES functions (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX routes_by_function ON routes (function_id);
  `,
  `
  CREATE TABLE secrets (
    function_id TEXT NOT NULL REFERENCES functions (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (function_id, name)
  ) STRICT;
  `,
];

interface FunctionRowOfSchema1 {
  name: string;
  created_at: number;
  updated_at: number;
  active_version: number;
  settings: string;
}

interface VersionRowOfSchema1 {
  name: string;
  version: number;
  digest: string;
  size_bytes: number;
  created_at: number;
}

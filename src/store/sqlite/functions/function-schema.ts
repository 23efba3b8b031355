/** Owns the schema of `glambdar.db`, and the way from any older one to the newest. */
import { functionIdOfEarlierRelease } from '../../../model/function/id.js';
import { DEFAULT_NAMESPACE } from '../../../model/function/ref.js';
import { NODE_BUNDLE } from '../../../model/function/source.js';
import type { Migration } from '../migrate.js';

/**
 * The n-th step brings a database to `user_version` n. Released steps are never edited: add one.
 * - Settings and sources are JSON text, so a new setting needs no step.
 * - The deferred key of `functions` makes "the active version exists" a rule of the data.
 * - `routes` go with the function they lead to, and stand in its namespace. `secrets` go with the function that gets them.
 * - `api_keys` go with their user. `audit` tells what users did, and stays.
 * - `removed_users`: their namespaces are emptied at the next start when the server ended before it was done.
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
  ALTER TABLE routes RENAME TO old_routes;
  DROP INDEX routes_by_function;
  CREATE TABLE routes (
    id TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    path TEXT NOT NULL,
    function_id TEXT NOT NULL REFERENCES functions (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    UNIQUE (namespace, path)
  ) STRICT;
  CREATE INDEX routes_by_function ON routes (function_id);
  INSERT INTO routes SELECT old.id, f.namespace, old.path, old.function_id, old.created_at
    FROM old_routes old JOIN functions f ON f.id = old.function_id;
  DROP TABLE old_routes;
  CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    may_bridge INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    namespace TEXT NOT NULL,
    role TEXT NOT NULL,
    functions TEXT CHECK (json_valid(functions)),
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER
  ) STRICT;
  CREATE INDEX api_keys_by_user ON api_keys (user_id);
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    entry TEXT NOT NULL CHECK (json_valid(entry))
  ) STRICT;
  `,
  `
  CREATE TABLE quotas (
    namespace TEXT PRIMARY KEY,
    quota TEXT NOT NULL CHECK (json_valid(quota))
  ) STRICT;
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
  `
  CREATE TABLE removed_users (
    id TEXT PRIMARY KEY
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

/**
 * Owns making a backup of a data directory, also while its server runs: first a copy of the databases, then of the code that
 * they name, by hard links. Code is immutable, so only a version that is removed in between makes another attempt necessary.
 */
import { createWriteStream, existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { sidecarPath, versionPath } from '../data/function-layout.js';
import { shownRef } from '../model/function/ref.js';
import { linkTree } from '../registry/tree.js';
import { SqliteFunctionStore } from '../store/sqlite/functions/sqlite-function-store.js';
import { snapshot } from '../store/sqlite/snapshot.js';
import { BackupError } from './backup-error.js';
import { CODE, DATABASES, FORMAT, KEY_FILES, NOTE, type BackupNote } from './backup-content.js';
import { packTree } from './pack-tree.js';

/** A version is removed five deploys after it was active, so a busy server may take it away once or twice. */
const ATTEMPTS = 5;

export interface BackupRequest {
  /** GLAMBDAR_DIR. */
  dir: string;
  /** The archive (tar, gzip) to write; an older one of that name is replaced when the new one is whole. */
  file: string;
  /** Called between the copy of the databases and that of the code, for tests. */
  onSnapshot?: () => Promise<void>;
}

/** Rejects with `BackupError`, and with the file system's errors. The archive holds secrets, so only its owner may read it. */
export async function makeBackup({ dir, file, onSnapshot }: BackupRequest): Promise<{ functions: number }> {
  const root = resolve(dir);
  if (!existsSync(join(root, 'glambdar.db')))
    throw new BackupError(
      `${root} holds no glambdar.db, so it is not the directory of a server. Name the one that the server was started with.`,
    );
  await mkdir(join(root, 'tmp'), { recursive: true, mode: 0o700 });
  const staging = await mkdtemp(join(root, 'tmp', 'backup-'));
  try {
    const functions = await stage(root, staging, onSnapshot);
    await pack(staging, resolve(file), functions);
    return { functions };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Fills `staging/content`. @returns the number of functions */
async function stage(
  root: string,
  staging: string,
  onSnapshot: BackupRequest['onSnapshot'],
): Promise<number> {
  let missing = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const content = join(staging, 'content');
    await rm(content, { recursive: true, force: true });
    await mkdir(join(content, CODE), { recursive: true });
    for (const name of DATABASES)
      if (existsSync(join(root, name))) snapshot(join(root, name), join(content, name));
    for (const name of KEY_FILES)
      if (existsSync(join(root, name))) await copyFile(join(root, name), join(content, name));
    await onSnapshot?.();
    const { functions, lost } = await linkCode(root, staging);
    if (lost === undefined) return functions;
    missing = lost;
  }
  throw new BackupError(
    `The code of the function ${missing} is missing, or is replaced faster than it can be copied. Deploy it again, or wait for a quiet moment.`,
  );
}

/** Links the code of all versions that the copied database names. `lost` is a function whose active version is not there. */
async function linkCode(root: string, staging: string): Promise<{ functions: number; lost?: string }> {
  // The store writes to the directory it opens, so it gets a copy of the copy.
  const reading = join(staging, 'reading');
  await rm(reading, { recursive: true, force: true });
  await mkdir(reading);
  await copyFile(join(staging, 'content/glambdar.db'), join(reading, 'glambdar.db'));
  const store = new SqliteFunctionStore({ dir: reading, readRestored: () => ({ functions: [], lost: [] }) });
  try {
    const records = await store.list();
    for (const { id, ref, active } of records) {
      for (const { version, source } of await store.listVersions(id)) {
        const from = versionPath(join(root, CODE), ref, version);
        const to = versionPath(join(staging, 'content', CODE), ref, version);
        await mkdir(dirname(to), { recursive: true });
        const isThere = source.type === 'image' || (await linked(from, to));
        if (!isThere && version === active.version) return { functions: 0, lost: shownRef(ref) };
        const sidecar = sidecarPath(join(root, CODE), ref, version);
        if (existsSync(sidecar)) await copyFile(sidecar, `${to}.json`).catch(ifMissing);
      }
    }
    return { functions: records.length };
  } finally {
    await store.close();
  }
}

/** False when the tree is not there, or goes while it is linked. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await linkTree(from, to);
    return true;
  } catch (error) {
    ifMissing(error);
    return false;
  }
}

function ifMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

async function pack(staging: string, file: string, functions: number): Promise<void> {
  const note: BackupNote = { format: FORMAT, madeAt: new Date().toISOString(), functions };
  const draft = `${file}.part`;
  await rm(draft, { force: true });
  try {
    await pipeline(
      packTree(join(staging, 'content'), { name: NOTE, text: `${JSON.stringify(note)}\n` }),
      createGzip({ level: 1 }),
      createWriteStream(draft, { flags: 'wx', mode: 0o600 }),
    );
    const handle = await open(draft, 'r');
    await handle.sync().finally(() => handle.close());
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

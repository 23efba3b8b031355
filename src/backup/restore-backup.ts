/** Owns restoring a backup into an empty directory. A server that is started on it gets an identity of its own, so both may run. */
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { BackupError } from './backup-error.js';
import { FORMAT, NOTE, type BackupNote } from './backup-content.js';

export interface RestoreRequest {
  /** What `makeBackup` wrote. */
  file: string;
  /** Must be missing or empty. */
  dir: string;
}

/** Rejects with `BackupError`, and with the file system's errors; what was written until then stays. */
export async function restoreBackup({ file, dir }: RestoreRequest): Promise<BackupNote> {
  const root = resolve(dir);
  await mkdir(root, { recursive: true, mode: 0o700 });
  if ((await readdir(root)).length > 0)
    throw new BackupError(`${root} is not empty. Name a directory that is missing or empty.`);
  const archive = extract();
  let note: BackupNote | undefined;
  const reading = pipeline(createReadStream(file), createGunzip(), archive);
  // `archive` ends with the error of `reading`, which may come while an entry is being written: nobody waits for `reading` then.
  reading.catch(() => undefined);
  try {
    for await (const entry of archive) {
      if (note === undefined) {
        if (entry.header.name !== NOTE) throw notABackup(file);
        note = await readNote(file, json(Readable.from(entry)));
      } else await write(root, entry.header, Readable.from(entry));
    }
    await reading;
  } catch (error) {
    throw isBroken(error) ? notABackup(file, error) : error;
  }
  if (note === undefined) throw notABackup(file);
  return note;
}

async function readNote(file: string, text: Promise<unknown>): Promise<BackupNote> {
  const note = (await text) as Partial<BackupNote> | null;
  if (typeof note?.format !== 'number') throw notABackup(file);
  if (note.format !== FORMAT)
    throw new BackupError(
      `${file} has the format ${note.format}, and this release reads the format ${FORMAT}. Use the release that made it, or a newer one.`,
    );
  return note as BackupNote;
}

async function write(root: string, header: Header, content: Readable): Promise<void> {
  const path = resolve(root, header.name);
  if (!path.startsWith(root + sep)) throw new BackupError(`The backup names a file outside: ${header.name}.`);
  if (header.type === 'directory') {
    await mkdir(path, { recursive: true });
    await chmod(path, header.mode ?? 0o755);
    content.resume();
  } else if (header.type === 'file') {
    await mkdir(dirname(path), { recursive: true });
    await pipeline(content, createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }));
    await chmod(path, header.mode ?? 0o600);
  } else throw new BackupError(`The backup holds neither a file nor a directory at ${header.name}.`);
}

/** An archive that is cut off or damaged, or never was one. */
function isBroken(error: unknown): boolean {
  const { code, message, name } = error as NodeJS.ErrnoException;
  return (
    code?.startsWith('Z_') === true ||
    name === 'SyntaxError' ||
    /tar header|Unexpected end of data/.test(message)
  );
}

function notABackup(file: string, cause?: unknown): BackupError {
  return new BackupError(
    `${file} is not a whole backup of Glambdar. Make another one, or name another file.`,
    {
      cause,
    },
  );
}

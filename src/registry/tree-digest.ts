/** Owns the digest of a tree of code: its definition, and computing it again from disk. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { GlambdarError } from '../errors.js';

const CHUNK_BYTES = 256 * 1024;

/** Files read at the same time: two, so that the file calls of the rest of the server find a free thread (libuv has four). */
const CONCURRENCY = 2;

/** One line of the manifest a digest is computed over. */
export interface ManifestFile {
  /** Path relative to the tree's root, with `/`. */
  path: string;
  executable: boolean;
  /** Lower-case hex of the content's SHA-256. */
  sha256: string;
}

export interface TreeDigest {
  digest: string;
  sizeBytes: number;
  files: number;
}

/**
 * `sha256:` + hex of the SHA-256 over one line `<mode> <path>\0<sha256 of the content>\n` per file, in the order of the
 * paths' bytes; the mode is 755 or 644. Names cannot hold a NUL, so no two trees have the same manifest.
 */
export function digestManifest(files: readonly ManifestFile[]): string {
  const lines = files.map(({ path, executable, sha256 }) => ({
    path: Buffer.from(path),
    tail: `\0${sha256}\n`,
    mode: executable ? '755 ' : '644 ',
  }));
  lines.sort((a, b) => Buffer.compare(a.path, b.path));
  const hash = createHash('sha256');
  for (const { mode, path, tail } of lines) hash.update(mode).update(path).update(tail);
  return `sha256:${hash.digest('hex')}`;
}

/**
 * Reads a whole tree and digests it. The digest is that of the extraction, unless a file's bytes, name or x bit changed,
 * or a file was added or removed. Never follows a link. Throws CODE_UNAVAILABLE if the tree is missing or holds anything
 * but files and directories, and the file system's own errors (EIO, EMFILE).
 */
export async function digestTree(dir: string): Promise<TreeDigest> {
  const paths = await listFiles(dir);
  const files: ManifestFile[] = [];
  let sizeBytes = 0;
  let next = 0;
  const buffers = Array.from({ length: CONCURRENCY }, () => Buffer.allocUnsafe(CHUNK_BYTES));
  const readers = buffers.map(async (buffer) => {
    while (next < paths.length) {
      const path = paths[next++]!;
      const file = await digestFile(dir, path, buffer);
      sizeBytes += file.sizeBytes;
      files.push({ path, executable: file.executable, sha256: file.sha256 });
    }
  });
  // `allSettled`, not `all`: after a failure the other reader must have closed its file before the caller removes the tree.
  const results = await Promise.allSettled(readers);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return { digest: digestManifest(files), sizeBytes, files: files.length };
}

async function listFiles(dir: string): Promise<string[]> {
  const files: string[] = [];
  const pending = [''];
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    for (const entry of await unlessChanged(readdir(`${dir}/${parent}`, { withFileTypes: true }))) {
      const path = parent === '' ? entry.name : `${parent}/${entry.name}`;
      if (entry.isFile()) files.push(path);
      else if (entry.isDirectory()) pending.push(path);
      else throw altered('it holds something that is neither a file nor a directory');
    }
  }
  return files;
}

async function digestFile(dir: string, path: string, buffer: Buffer) {
  // O_NONBLOCK: if a FIFO has replaced the file since the listing, opening it would otherwise block a thread for good.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await unlessChanged(open(`${dir}/${path}`, flags));
  try {
    const { mode, ...stats } = await handle.stat();
    if ((mode & constants.S_IFMT) !== constants.S_IFREG || (mode & 0o7000) !== 0) {
      throw altered('a file became something else');
    }
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      hash.update(buffer.subarray(0, bytesRead));
      sizeBytes += bytesRead;
      // The file's size tells its end: a small file takes one read instead of two.
      if (bytesRead === 0 || sizeBytes === stats.size) break;
    }
    return { executable: (mode & 0o111) !== 0, sha256: hash.digest('hex'), sizeBytes };
  } finally {
    await handle.close();
  }
}

async function unlessChanged<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw altered('a file of it is missing', error);
    if (code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO')
      throw altered('a file became something else', error);
    throw error;
  }
}

function altered(what: string, cause?: unknown): GlambdarError {
  return new GlambdarError(
    'CODE_UNAVAILABLE',
    `The function's code on the server is not what was deployed: ${what}. Deploy it again.`,
    { cause },
  );
}

/**
 * Owns packing a tree of files into a zip, as a stream: one file at a time, so that neither a large tree nor a slow reader takes
 * memory. `../readers/zip/` reads zips.
 */
import { constants, createReadStream, type ReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';

interface PackedEntry {
  /** Relative to the tree's root, with `/`. */
  path: string;
  kind: 'file' | 'empty directory';
  executable: boolean;
}

/**
 * Resolves with the zip's bytes, made as they are read. Of modes "executable" is kept, as a deploy does. Rejects with the file
 * system's errors, and the stream is destroyed with them; destroying the stream closes the file that is being read.
 * @param dir absolute path of a tree of files and directories that does not change
 * @param time time of every entry
 */
export async function packTree(dir: string, time: Date): Promise<Readable> {
  const entries = await listEntries(dir);
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  let reading: ReadStream | null = null;
  // Whoever reads the stream hears of its error, too; one that nobody reads any more must not end the process.
  output.on('error', () => undefined);
  zip.on('error', (error) => output.destroy(error as Error));
  output.once('close', () => reading?.destroy());
  for (const { path, kind, executable } of entries) {
    if (kind === 'empty directory') {
      zip.addEmptyDirectory(path, { mtime: time, mode: 0o40755 });
      continue;
    }
    const options = { mtime: time, mode: executable ? 0o100755 : 0o100644 };
    zip.addReadStreamLazy(path, options, (give) => {
      if (output.destroyed) return;
      // A link that has taken the place of a file since its listing is not followed.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      reading = createReadStream(`${dir}/${path}`, { flags: flags as unknown as string });
      reading.once('error', (error) => output.destroy(error));
      give(null, reading);
    });
  }
  zip.end();
  return output;
}

/** All files, and the directories with nothing in them, sorted. Throws an Error for anything else in the tree. */
async function listEntries(dir: string): Promise<PackedEntry[]> {
  const entries: PackedEntry[] = [];
  const pending = [''];
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    const found = await readdir(`${dir}/${parent}`, { withFileTypes: true });
    if (found.length === 0 && parent !== '')
      entries.push({ path: parent, kind: 'empty directory', executable: false });
    for (const entry of found) {
      const path = parent === '' ? entry.name : `${parent}/${entry.name}`;
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isFile()) {
        const { mode } = await lstat(`${dir}/${path}`);
        entries.push({ path, kind: 'file', executable: (mode & 0o111) !== 0 });
      } else throw new Error(`neither a file nor a directory: ${path}`);
    }
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

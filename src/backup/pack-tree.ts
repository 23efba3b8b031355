/** Owns packing a directory into a tar: files and directories with their modes, in the order of their names. */
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';

/** @param first a text that becomes the first entry. The stream fails with the file system's errors */
export function packTree(directory: string, first: { name: string; text: string }): Readable {
  const archive = pack();
  archive.entry({ name: first.name, mode: 0o600 }, first.text);
  add(archive, directory, '').then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error as Error),
  );
  return archive as unknown as Readable;
}

async function add(archive: Pack, directory: string, below: string): Promise<void> {
  for (const entry of (await readdir(join(directory, below), { withFileTypes: true })).sort(byName)) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    const { mode, size } = await lstat(join(directory, name));
    if (entry.isDirectory()) {
      archive.entry({ name: `${name}/`, type: 'directory', mode: mode & 0o777 });
      await add(archive, directory, name);
    } else {
      await new Promise<void>((resolve, reject) => {
        const sink = archive.entry({ name, mode: mode & 0o777, size }, (error) =>
          error ? reject(error) : resolve(),
        );
        pipeline(createReadStream(join(directory, name)), sink as unknown as Writable).catch(reject);
      });
    }
  }
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

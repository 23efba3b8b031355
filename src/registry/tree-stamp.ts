/**
 * Owns noticing cheaply that a tree of code may have changed: a stamp over the inode, size, mode and modification time of
 * every file. Measured: 0.07 ms for three files, 17 ms for 5,000. `tree-digest.ts` compares contents.
 *
 * The kernel's own time of change (ctime) is left out: it moves with every hard link that is made or removed, and each
 * prepared tree is made of such links. So an edit that also resets the modification time is not noticed.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createSlice } from '../slice.js';

/** The stamp of a tree; it stays equal while nobody touches the files. Throws the file system's errors. Never follows a link. */
export async function stampTree(dir: string): Promise<string> {
  const turn = createSlice();
  const hash = createHash('sha256');
  const pending = [''];
  for (let relative = pending.pop(); relative !== undefined; relative = pending.pop()) {
    const names = fs.readdirSync(dir + relative).sort();
    for (const name of names) {
      const path = `${relative}/${name}`;
      const stats = fs.lstatSync(dir + path);
      if (stats.isDirectory()) pending.push(path);
      const { ino, size, mode, mtimeMs } = stats;
      // Added and removed entries change the list of names, so a directory's own size and time would add nothing.
      hash.update(
        stats.isDirectory() ? `${path}\0${mode}\n` : `${path}\0${ino} ${size} ${mode} ${mtimeMs}\n`,
      );
      if (turn.over()) await turn.next();
    }
  }
  return hash.digest('hex');
}

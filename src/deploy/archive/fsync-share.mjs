/**
 * Owns forcing files to disk, several threads on one list. Plain JavaScript, so that a thread for it starts in 15 ms
 * also when the rest runs from TypeScript.
 */
import fs from 'node:fs';

/**
 * Takes the next path of the list and forces it to disk, until none is left. Synchronous: only for threads of their own.
 * Throws the file system's errors, and then leaves nothing for the others to do.
 *
 * @param {readonly string[]} paths files and directories
 * @param {Int32Array} next shared: the index of the first path nobody has taken yet
 */
export function fsyncShare(paths, next) {
  const { O_RDONLY, O_NOFOLLOW } = fs.constants;
  try {
    for (let index = Atomics.add(next, 0, 1); index < paths.length; index = Atomics.add(next, 0, 1)) {
      const fd = fs.openSync(/** @type {string} */ (paths[index]), O_RDONLY | O_NOFOLLOW);
      try {
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    }
  } catch (error) {
    Atomics.store(next, 0, paths.length);
    throw error;
  }
}

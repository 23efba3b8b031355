/**
 * Owns one thread's share of forcing many files to disk: a thread that is started with this file takes its share of the
 * list in `workerData.share`, then ends. Plain JavaScript, so that the thread starts in 15 ms also where the rest runs from TypeScript.
 */
import fs from 'node:fs';
import { workerData } from 'node:worker_threads';

/**
 * Takes the next path of the list and forces it to disk, until none is left. Synchronous: only for threads of their own.
 * Throws the file system's errors, and then leaves nothing for the other threads to do.
 *
 * @param {readonly string[]} paths files and directories
 * @param {Int32Array} next shared by the threads: the index of the first path that no thread has taken yet
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

// Only a helper is started with a share; the extracting thread imports this file for the function.
const share = workerData?.share;
if (share) fsyncShare(share.paths, share.next);

/** Owns how the kernel treats this process when the machine is out of memory. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Thousandths that the kernel adds to a process's share of memory when it chooses a process to kill; containers get +500. */
const OOM_SCORE = -500;

/**
 * Lowers the score by which the kernel chooses a process to kill when the machine is out of memory. A container's process may
 * lower its own score, down to 0 where the daemon lacks CAP_SYS_RESOURCE, so a higher score of containers is not enough.
 * @param file the file with the score; another one in tests
 * @returns null, or why the score could not be lowered: a sentence for the operator
 */
export function protectFromOom(file = '/proc/self/oom_score_adj'): string | null {
  try {
    if (Number(readFileSync(file, 'utf8')) > OOM_SCORE)
      writeFileSync(file, String(OOM_SCORE), { flag: 'r+' });
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return (
      'Should this machine run out of memory, Linux may end this server instead of a function. ' +
      `To protect it, run it as a service (sudo npx glambdar service install), or with CAP_SYS_RESOURCE (oom_score_adj: ${code}).`
    );
  }
}

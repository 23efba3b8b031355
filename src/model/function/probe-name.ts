/** Owns the names of functions that `glambdar doctor` deploys, calls and deletes again: nobody's code, so a server need not tell of them. */

const PROBE_NAME = /(?:^|\/)glambdar-doctor-\d+$/;

/** A name of its own for each process. @param pid of the process */
export function probeName(pid: number): string {
  return `glambdar-doctor-${pid}`;
}

/** @param shownName a function's name as clients see it, with its namespace or without */
export function isProbeName(shownName: string): boolean {
  return PROBE_NAME.test(shownName);
}

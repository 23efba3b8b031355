/**
 * Owns the named points at which a test may end the process as a power cut would. Inert unless a point is armed,
 * which only `config.ts` can do (GLAMBDAR_FAULT, for tests of crash safety).
 */

let armed: string | null = null;

/** @param point e.g. `deploy.renamed`; null disarms */
export function armFault(point: string | null): void {
  armed = point;
}

/** The armed point, or null. A new thread must be armed with it, because threads do not share modules. */
export function armedFault(): string | null {
  return armed;
}

/** Ends the process with SIGKILL if this point is armed: no handler, no flush, no goodbye. */
export function faultPoint(point: string): void {
  if (armed === point) process.kill(process.pid, 'SIGKILL');
}

/** Owns the profile of the containers that a function's settings ask for. */
import type { Profile } from '../../model/function/profile.js';
import type { FunctionSettings } from '../../model/function/settings.js';

/**
 * A container's CPU-time limit ends a runaway call even when this server is dead, but is set before the standby has a
 * function. So functions are put into classes by their time limit, and a standby serves the functions of one class only.
 */
const TIMEOUT_CLASSES_MS = [30_000, 120_000, 900_000];
/** CPU-seconds a worker may spend on itself: booting, warming up, loading. */
const OWN_CPU_SECONDS = 5;

/** @param runtime name of a row of `runtimes/` */
export function profileOf(
  { memoryMb, cpus, network, timeoutMs, isolation }: FunctionSettings,
  runtime: string,
): Profile {
  const longest = TIMEOUT_CLASSES_MS.at(-1)!;
  // A reused container runs many calls.
  const mostMs =
    isolation === 'function' ? longest : (TIMEOUT_CLASSES_MS.find((most) => timeoutMs <= most) ?? longest);
  return {
    runtime,
    memoryMb,
    cpus,
    network,
    cpuSeconds: Math.ceil((mostMs / 1000) * cpus) + OWN_CPU_SECONDS,
  };
}

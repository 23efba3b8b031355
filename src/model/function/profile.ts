/** Owns the profile: all settings of a worker's container that are fixed before code is loaded into it. */

/** Instances with equal profiles are interchangeable until code is loaded. */
export interface Profile {
  /** Name of the runtime, a row of `runtimes/`. */
  runtime: string;
  memoryMb: number;
  cpus: number;
  network: 'none' | 'bridge';
  /** CPU-seconds after which the kernel ends a container of this profile, also when this server is dead. */
  cpuSeconds: number;
}

/** A key that is equal exactly for equal profiles. */
export function profileKey({ runtime, memoryMb, cpus, network, cpuSeconds }: Profile): string {
  return `${runtime}/${memoryMb}/${cpus}/${network}/${cpuSeconds}`;
}

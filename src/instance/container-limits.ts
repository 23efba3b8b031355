/** Owns the limits of a function's container that no setting changes. */
import type { ContainerLimits } from '../driver/driver.js';
import type { FunctionSettings } from '../model/function/settings.js';

const MIB = 2 ** 20;

/** @param cpuSeconds CPU-seconds after which the kernel ends a process of the container, also when this server is dead */
export function containerLimits(
  { memoryMb, cpus }: Pick<FunctionSettings, 'memoryMb' | 'cpus'>,
  cpuSeconds: number,
): ContainerLimits {
  return {
    memoryBytes: memoryMb * MIB,
    cpus,
    cpuSeconds,
    pids: 64,
    openFiles: 256,
    fileBytes: 64 * MIB,
    tmpBytes: 64 * MIB,
  };
}

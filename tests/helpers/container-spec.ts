/** Owns container specs for tests of drivers, which only say what matters to the test. */
import type { ContainerSpec } from '../../src/driver/driver.js';

/** A container that does nothing, with the limits of an ordinary function. */
export function containerSpec(spec: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    id: 'abcdefgh',
    image: { type: 'node' },
    command: ['node', '-e', ''],
    env: {},
    workingDir: null,
    mounts: [],
    network: 'none',
    user: { uid: 200_017, gid: 200_017 },
    labels: {},
    ...spec,
    limits: {
      memoryBytes: 128 * 2 ** 20,
      cpus: 1,
      cpuSeconds: 60,
      pids: 64,
      openFiles: 1024,
      fileBytes: 64 * 2 ** 20,
      tmpBytes: 64 * 2 ** 20,
      ...spec.limits,
    },
  };
}

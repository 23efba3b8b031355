/** Owns the specification of an install's container: what it sees, npm's arguments, and its limits. */
import { availableParallelism } from 'node:os';
import type { ContainerMount, ContainerSpec } from '../driver/driver.js';
import type { ContainerImage } from '../model/container-image.js';

const MIB = 2 ** 20;
/** In the container's own loopback, so any port is free. */
const REGISTRY_PORT = 4873;
/** npm's own memory, beside the files that it writes to `/tmp`. */
const NPM_BYTES = 512 * MIB;
/** Files of npm's cache beside those of the tree. */
const CACHE_INODES = 20_000;

export interface InstallContainerOptions {
  id: string;
  image: ContainerImage;
  uid: number;
  slotDir: string;
  /** Directory with `main.cjs` of `worker/npm/`. */
  programDir: string;
  /** npm's package on this machine. */
  npmDir: string;
  /** Programs of this machine that scripts need, path in the container by path here; empty: no scripts are run. */
  programs: Readonly<Record<string, string>>;
  /** Whether there is a lockfile. */
  isLocked: boolean;
  installScripts: boolean;
  /** Path of the registry. */
  basePath: string;
  timeoutMs: number;
  limits: { maxUnpackedBytes: number; maxEntries: number };
}

/** The registry as the container sees it. @param basePath path of the registry */
export function registryInContainer(basePath: string): URL {
  return new URL(basePath, `http://127.0.0.1:${REGISTRY_PORT}`);
}

export function installContainer(options: InstallContainerOptions): ContainerSpec {
  const { id, image, uid, slotDir, programDir, npmDir, programs, timeoutMs, limits } = options;
  // The tree, and the archives in npm's cache.
  const tmpBytes = 2 * limits.maxUnpackedBytes + 64 * MIB;
  const cpus = Math.min(2, availableParallelism());
  return {
    id,
    image,
    command: ['node', '/install/main.cjs'],
    env: {
      HOME: '/tmp',
      TMPDIR: '/tmp',
      NODE_ENV: 'production',
      GLAMBDAR_INSTALL: JSON.stringify({ port: REGISTRY_PORT, npm: npmArguments(options) }),
    },
    workingDir: '/tmp',
    mounts: [
      readOnly(slotDir, '/slot'),
      readOnly(programDir, '/install'),
      readOnly(npmDir, '/npm'),
      ...(image.type === 'node' ? [] : [readOnly(`${slotDir}/passwd`, '/etc/passwd')]),
      ...Object.entries(programs).map(([target, source]) => readOnly(source, target)),
    ],
    network: 'none',
    user: { uid, gid: uid },
    limits: {
      memoryBytes: NPM_BYTES + tmpBytes,
      cpus,
      cpuSeconds: Math.ceil((timeoutMs / 1000) * cpus) + 5,
      pids: 256,
      openFiles: 4096,
      fileBytes: tmpBytes,
      tmpBytes,
      tmpInodes: limits.maxEntries + CACHE_INODES,
    },
    labels: {},
  };
}

/** On the command line, which wins over every configuration file: there is none but npm's own in the container anyway. */
function npmArguments({ isLocked, installScripts, basePath }: InstallContainerOptions): string[] {
  return [
    isLocked ? 'ci' : 'install',
    `--registry=${registryInContainer(basePath).href}`,
    '--replace-registry-host=always',
    '--omit=dev',
    `--ignore-scripts=${!installScripts}`,
    // npm 11 asks for a list of the packages whose scripts may run; the function's setting has answered for all of them.
    ...(installScripts ? ['--foreground-scripts', '--dangerously-allow-all-scripts'] : ['--bin-links=false']),
    '--no-audit',
    '--no-fund',
    '--no-progress',
    '--no-update-notifier',
    '--cache=/tmp/cache',
    '--logs-max=0',
    '--fetch-retries=1',
    '--fetch-retry-mintimeout=500',
    '--fetch-retry-maxtimeout=2000',
  ];
}

function readOnly(source: string, target: string): ContainerMount {
  return { source, target, readOnly: true };
}

/** Owns the options of a Docker driver. */
import type { Logger } from '../../logger.js';

export interface DockerDriverOptions {
  /** Value of DOCKER_HOST (`unix://…`, `tcp://…`), or null for the default socket. */
  dockerHost: string | null;
  /** OCI runtime: `runc`, `crun`, `runsc`, …, or null for the daemon's default. */
  ociRuntime: string | null;
  /** Whose containers: id of the data directory, and of this run of the server. */
  dirId: string;
  bootId: string;
  /** Absolute path of the directory that every mounted file is in; made when it is missing. */
  runRoot: string;
  /** Absolute path of a directory in it for files of the driver's own; made when it is missing. */
  filesDir: string;
  logger: Logger;
  /** Absolute path of a file with logins at registries, in the form of Docker's own `config.json`; default: none. */
  registryAuth?: string | null;
  /** Name servers (IPv4) of containers with a network; by default this machine's. */
  resolvers?: string[];
  /** The iptables command, with a prefix such as `nsenter …`; by default `iptables`. */
  iptables?: string[];
  /** How many removals may be at the daemon at a time; by default as many as there are cores. */
  removalsAtOnce?: number;
  /** Whether others need the cores: half as many removals are then at the daemon, while not too many wait. */
  gently?: () => boolean;
  /** Where cgroups are mounted; by default `/sys/fs/cgroup`. */
  cgroupRoot?: string;
  /** Where the processes of this machine are listed; by default `/proc`. */
  procRoot?: string;
  /** Shorter in tests. */
  times?: Partial<typeof defaultTimes>;
}

/** Intervals and limits of one driver, in ms. */
export const defaultTimes = {
  pingIntervalMs: 500,
  pingLimitMs: 2_000,
  reapIntervalMs: 30_000,
  closeLimitMs: 15_000,
  graceMs: 200,
  lateMs: 2_000,
};

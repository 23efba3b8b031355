/** Owns the options that a container is created with. Each field is a control of its own, for which a test does the bad thing. */
import type { ContainerCreateOptions, HostConfig } from './engine/engine.js';
import { networkKind, type ContainerLimits, type ContainerMount, type ContainerSpec } from '../driver.js';
import type { Image } from './image/image.js';
import { seccompProfile } from './seccomp-profile.js';

/** What all containers of one driver have in common. */
export interface ContainerContext {
  dirId: string;
  bootId: string;
  /** Name of the OCI runtime (`runc`, `crun`, `runsc`), or null for the daemon's default. */
  ociRuntime: string | null;
  /** The daemon has an init process to reap zombies. */
  init: boolean;
  /** One group for all containers, in the form the daemon's cgroup driver wants; null where there are no cgroups (rootless). */
  cgroupParent: string | null;
  /** Name of the Docker network behind network `bridge`. */
  bridgeNetwork: string;
  /** Name servers of that network; empty: Docker chooses. */
  bridgeResolvers: string[];
  /** Files that containers without a network get in place of the daemon's empty ones. */
  loopbackMounts: readonly ContainerMount[];
}

/** Label keys: whose container it is (data directory), of which run of the server, and the container's id. */
export const labels = { dir: 'glambdar.dir', boot: 'glambdar.boot', instance: 'glambdar.instance' };

/** Of the CPU quota, in microseconds: the burst of CPU time that a boot needs fits into the quota of a second. */
export const CPU_PERIOD_US = 1_000_000;

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Chosen beforehand, so that a container whose creation was given up can still be found. */
export function containerName(id: string): string {
  return `glambdar-${id}`;
}

/** @param mounts those of the spec with checked sources: Docker follows links and would mount whatever one points at */
export function createOptions(
  spec: ContainerSpec,
  mounts: readonly ContainerMount[],
  image: Image,
  context: ContainerContext,
): ContainerCreateOptions {
  const { id, command, user, network } = spec;
  return {
    name: containerName(id),
    Image: image.id,
    ...(command === null ? {} : { Entrypoint: [...command], Cmd: [] }),
    User: `${user.uid}:${user.gid}`,
    WorkingDir: spec.workingDir ?? image.workingDir,
    Env: environment(spec, image),
    Healthcheck: { Test: ['NONE'] }, // an image's own would start a process every second
    StopSignal: 'SIGKILL',
    OpenStdin: false,
    Tty: false,
    // The network namespace is the same without this, one with nothing but a loopback. But the daemon would run itself
    // again as a hook in every start (libnetwork-setkey) to set up nothing: 311 against 961 ms for a start on a busy machine.
    NetworkDisabled: network === 'none',
    Labels: {
      ...spec.labels,
      [labels.dir]: context.dirId,
      [labels.boot]: context.bootId,
      [labels.instance]: id,
    },
    HostConfig: hostConfig(spec, mounts, image, context),
  };
}

function hostConfig(
  spec: ContainerSpec,
  specMounts: readonly ContainerMount[],
  image: Image,
  context: ContainerContext,
): HostConfig {
  const { user, limits } = spec;
  const kind = networkKind(spec);
  const mounts = [...specMounts, ...(kind === 'none' ? context.loopbackMounts : [])];
  const uncovered = image.volumes.filter((path) => !mounts.some(({ target }) => target === path));
  return {
    ...networkOptions(spec, context),
    IpcMode: 'none', // no /dev/shm, which stays writable under a read-only root
    CgroupnsMode: 'private',
    Privileged: false,
    PublishAllPorts: false,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges:true', `seccomp=${seccompProfile(kind)}`],
    ReadonlyRootfs: true,
    Tmpfs: {
      // A volume that the image declares would be a writable directory on the host's disk: a small tmpfs covers it.
      ...Object.fromEntries(uncovered.map((path) => [path, tmpfs(user, 'noexec', 16 * 2 ** 20, 1024)])),
      // Executable: packages unpack their addons and programs there. A container runs what its code or image brings anyway,
      // and can map memory that it has written as code, so forbidding it here would only stop honest programs.
      '/tmp': tmpfs(user, 'exec', limits.tmpBytes, limits.tmpInodes ?? 4096),
    },
    // Never Binds: Docker would create a missing source, as root.
    Mounts: mounts.map(bindMount),
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    PidsLimit: limits.pids,
    // A period of 1 s instead of NanoCpus' 0.1 s: the burst of CPU time that a boot needs then fits into the quota.
    CpuPeriod: CPU_PERIOD_US,
    CpuQuota: Math.round(limits.cpus * CPU_PERIOD_US),
    OomScoreAdj: 500,
    ...(context.cgroupParent === null ? {} : { CgroupParent: context.cgroupParent }),
    Ulimits: ulimits(limits),
    // Two files, because a full one is emptied: so at least the last 512 kB can always be read.
    LogConfig: { Type: 'local', Config: { 'max-size': '512k', 'max-file': '2', compress: 'false' } },
    ...(context.init ? { Init: true } : {}),
    ...(context.ociRuntime === null ? {} : { Runtime: context.ociRuntime }),
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
  };
}

/** A container that joins another's network gets that one's name servers with it; the daemon refuses others. */
function networkOptions({ network }: ContainerSpec, context: ContainerContext): HostConfig {
  if (typeof network !== 'string') return { NetworkMode: `container:${containerName(network.joins)}` };
  if (network === 'none') return { NetworkMode: 'none' };
  const { bridgeNetwork, bridgeResolvers } = context;
  return {
    NetworkMode: bridgeNetwork,
    ...(bridgeResolvers.length > 0 ? { Dns: bridgeResolvers } : {}),
  };
}

/**
 * PATH of the image, then the spec's variables. For a command of ours the image's other variables are unset (a name without
 * `=` does it), NODE_OPTIONS and LD_PRELOAD among them; the image's own entrypoint keeps them.
 */
function environment({ command, env }: ContainerSpec, image: Image): string[] {
  const path = image.env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? defaultPath;
  const given = { PATH: path, ...env };
  const unset = image.env
    .map((entry) => entry.split('=', 1)[0] ?? '')
    .filter((name) => name !== '' && !(name in given));
  return [
    ...Object.entries(given).map(([name, value]) => `${name}=${value}`),
    ...(command === null ? [] : unset),
  ];
}

/** `uid` and `gid` as options because `mode=1777` alone is ignored where the image has the directory. */
function tmpfs(
  { uid, gid }: ContainerSpec['user'],
  programs: 'exec' | 'noexec',
  bytes: number,
  inodes: number,
): string {
  return `rw,nosuid,nodev,${programs},size=${bytes},nr_inodes=${inodes},uid=${uid},gid=${gid},mode=0700`;
}

function bindMount({ source, target, readOnly }: ContainerMount): NonNullable<HostConfig['Mounts']>[number] {
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: readOnly,
    BindOptions: { Propagation: 'rprivate' },
  };
}

function ulimits({ openFiles, fileBytes, cpuSeconds }: ContainerLimits): HostConfig['Ulimits'] {
  const limits = {
    nofile: openFiles,
    core: 0,
    fsize: fileBytes,
    msgqueue: 0, // else /dev/mqueue could be written to
    cpu: Math.ceil(cpuSeconds), // ends a runaway even when this server is dead
  };
  return Object.entries(limits).map(([Name, limit]) => ({ Name, Soft: limit, Hard: limit }));
}

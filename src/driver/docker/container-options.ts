/** Owns what a container is created with: one pure function, every field of it a control of its own (tests do the bad thing). */
import type { ContainerCreateOptions, HostConfig } from './engine/engine.js';
import type { ContainerSpec } from '../driver.js';
import type { BaseImage } from './image/base-image.js';
import { seccompProfile } from './seccomp-profile.js';

/** What all containers of one driver have in common. */
export interface ContainerContext {
  dirId: string;
  bootId: string;
  image: BaseImage;
  /** Absolute host path of the worker's directory, mounted read-only at `/worker`. */
  workerDir: string;
  /** Name of the runtime (`runc`, `crun`, `runsc`), or null for the daemon's default. */
  runtime: string | null;
  /** An init process is there to reap zombies. */
  init: boolean;
  /** One group for all instances, in the form the daemon's cgroup driver wants; null where there are no cgroups (rootless). */
  cgroupParent: string | null;
  /** Name of the network of profile "bridge". */
  bridgeNetwork: string;
  /** Its name servers; none: what Docker finds. */
  bridgeResolvers?: string[];
}

/** Label keys: whose container it is (data directory), of which run of the server, and which instance. */
export const labels = { dir: 'glambdar.dir', boot: 'glambdar.boot', instance: 'glambdar.instance' };

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const mebibyte = 1024 * 1024;

/** Chosen beforehand, so that a container whose creation was given up can still be found. */
export function containerName(instanceId: string): string {
  return `glambdar-${instanceId}`;
}

/** @param slotSource the slot's real path, checked by the caller: a link here would mount whatever it points at */
export function createOptions(
  spec: ContainerSpec,
  slotSource: string,
  context: ContainerContext,
): ContainerCreateOptions {
  const { profile, uid } = spec;
  return {
    name: containerName(spec.instanceId),
    Image: context.image.id,
    // The kernel's limit decides, not V8's guess of it; the flag hides the notices of built-ins such as node:sqlite.
    Entrypoint: [
      'node',
      `--max-old-space-size=${profile.memoryMb}`,
      '--disable-warning=ExperimentalWarning',
      '/worker/main.cjs',
    ],
    Cmd: [],
    User: `${uid}:${uid}`,
    WorkingDir: '/slot',
    Env: environment(context.image),
    Healthcheck: { Test: ['NONE'] }, // an image's own would start a process every second
    StopSignal: 'SIGKILL',
    OpenStdin: false,
    Tty: false,
    // An empty network namespace with a loopback of its own either way; but without this the daemon runs itself again as
    // a hook in every start (libnetwork-setkey) to set up nothing: 311 against 961 ms for the start on a busy machine.
    NetworkDisabled: profile.network === 'none',
    Labels: {
      [labels.dir]: context.dirId,
      [labels.boot]: context.bootId,
      [labels.instance]: spec.instanceId,
    },
    HostConfig: hostConfig(spec, slotSource, context),
  };
}

function hostConfig(spec: ContainerSpec, slotSource: string, context: ContainerContext): HostConfig {
  const { profile, uid } = spec;
  const memoryBytes = profile.memoryMb * mebibyte;
  return {
    NetworkMode: profile.network === 'none' ? 'none' : context.bridgeNetwork,
    ...(profile.network === 'bridge' && context.bridgeResolvers?.length
      ? { Dns: context.bridgeResolvers }
      : {}),
    IpcMode: 'none', // no /dev/shm, which stays writable under a read-only root
    CgroupnsMode: 'private',
    Privileged: false,
    PublishAllPorts: false,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges:true', `seccomp=${seccompProfile(profile.network)}`],
    ReadonlyRootfs: true,
    Tmpfs: {
      // A volume the image declares would be a writable directory on the host's disk: cover it with a small tmpfs.
      ...Object.fromEntries(context.image.volumes.map((path) => [path, tmpfs(uid, '16m', 1024)])),
      '/tmp': tmpfs(uid, '64m', 4096),
    },
    // Never Binds: a missing source would be created, as root.
    Mounts: [readOnlyMount(slotSource, '/slot'), readOnlyMount(context.workerDir, '/worker')],
    Memory: memoryBytes,
    MemorySwap: memoryBytes,
    PidsLimit: 64,
    // A period of 1 s instead of NanoCpus' 0.1 s: the boot's burst then fits into the quota.
    CpuPeriod: 1_000_000,
    CpuQuota: Math.round(profile.cpus * 1_000_000),
    OomScoreAdj: 500,
    ...(context.cgroupParent === null ? {} : { CgroupParent: context.cgroupParent }),
    Ulimits: [
      ulimit('nofile', 256),
      ulimit('core', 0),
      ulimit('fsize', 64 * mebibyte),
      ulimit('msgqueue', 0), // else /dev/mqueue could be written to
      ulimit('cpu', Math.ceil(spec.cpuSecondsLimit)), // ends a runaway even when this server is dead
    ],
    // Two files, because a full one is emptied: so at least the last 512 kB can always be read.
    LogConfig: { Type: 'local', Config: { 'max-size': '512k', 'max-file': '2', compress: 'false' } },
    ...(context.init ? { Init: true } : {}),
    ...(context.runtime === null ? {} : { Runtime: context.runtime }),
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
  };
}

/** Only ours: of the image's own variables PATH is kept, the others are unset (a name without `=`), NODE_OPTIONS and LD_PRELOAD too. */
function environment(image: BaseImage): string[] {
  const ours = {
    PATH: image.env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? defaultPath,
    HOME: '/tmp',
    TMPDIR: '/tmp',
    NODE_ENV: 'production', // what functions expect of a deployment; a function's own env wins
    GLAMBDAR_SLOT: '/slot',
  };
  const unset = image.env
    .map((entry) => entry.split('=', 1)[0] ?? '')
    .filter((name) => name !== '' && !(name in ours));
  return [...Object.entries(ours).map(([name, value]) => `${name}=${value}`), ...unset];
}

/** `uid` and `gid` as options because `mode=1777` alone is ignored where the image has the directory. */
function tmpfs(uid: number, size: string, inodes: number): string {
  return `rw,nosuid,nodev,noexec,size=${size},nr_inodes=${inodes},uid=${uid},gid=${uid},mode=0700`;
}

function readOnlyMount(source: string, target: string): NonNullable<HostConfig['Mounts']>[number] {
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: true,
    BindOptions: { Propagation: 'rprivate' },
  };
}

function ulimit(name: string, limit: number): { Name: string; Soft: number; Hard: number } {
  return { Name: name, Soft: limit, Hard: limit };
}

import { mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Dockerode from 'dockerode';
import { DriverError, type ExitState } from '../../src/driver/driver.js';
import { seccompProfile } from '../../src/driver/docker/seccomp-profile.js';
import { integration } from '../helpers/integration.js';
import { driverContract } from '../unit/driver/driver-contract.js';
import { ProbeDriver, slotOf } from '../helpers/probe-driver.js';

const docker = new Dockerode({ socketPath: '/var/run/docker.sock' });

driverContract('DockerDriver', integration, (t) => {
  const { driver, options } = new ProbeDriver(t);
  const kill = (id: string): Promise<void> => docker.getContainer(`glambdar-${id}`).kill();
  return { driver, directory: options.runRoot, kill };
});

function containersOf(dirId: string): Promise<Dockerode.ContainerInfo[]> {
  return docker.listContainers({ all: true, filters: { label: [`glambdar.dir=${dirId}`] } });
}

integration('a container is created with every field of the security block', async (t) => {
  const probes = await ProbeDriver.open(t);
  const spec = probes.spec({ memoryMb: 64, cpus: 0.5 });
  await probes.start(spec);
  const { Config, HostConfig, Name, Image } = await docker.getContainer(`glambdar-${spec.id}`).inspect();
  t.is(Name, `/glambdar-${spec.id}`);
  t.regex(Image, /^sha256:/);
  t.like(Config, {
    User: `${spec.user.uid}:${spec.user.uid}`,
    WorkingDir: '/slot',
    Healthcheck: { Test: ['NONE'] },
    StopSignal: 'SIGKILL',
    OpenStdin: false,
    Tty: false,
    Entrypoint: [
      'node',
      '--max-old-space-size=64',
      '--disable-warning=ExperimentalWarning',
      '/worker/main.cjs',
    ],
    Env: ['PATH=/usr/bin', 'HOME=/tmp', 'TMPDIR=/tmp', 'NODE_ENV=production', 'GLAMBDAR_SLOT=/slot'],
    Labels: {
      'glambdar.dir': probes.options.dirId,
      'glambdar.boot': probes.options.bootId,
      'glambdar.instance': spec.id,
    },
  });
  const tmpfs = `rw,nosuid,nodev,exec,size=67108864,nr_inodes=4096,uid=${spec.user.uid},gid=${spec.user.uid},mode=0700`;
  t.like(HostConfig, {
    NetworkMode: 'none',
    IpcMode: 'none',
    CgroupnsMode: 'private',
    Privileged: false,
    PublishAllPorts: false,
    CapDrop: ['ALL'],
    CapAdd: null,
    SecurityOpt: ['no-new-privileges:true', `seccomp=${seccompProfile('none')}`],
    ReadonlyRootfs: true,
    Tmpfs: { '/tmp': tmpfs },
    Binds: null,
    Mounts: [
      mount(slotOf(spec), '/slot'),
      mount(probes.runtime.workerDir, '/worker'),
      mount(join(probes.options.filesDir, 'hosts'), '/etc/hosts'),
      mount(join(probes.options.filesDir, 'resolv.conf'), '/etc/resolv.conf'),
    ],
    Memory: 64 * 2 ** 20,
    MemorySwap: 64 * 2 ** 20,
    PidsLimit: 64,
    CpuPeriod: 1_000_000,
    CpuQuota: 500_000,
    OomScoreAdj: 500,
    Ulimits: [
      { Name: 'nofile', Soft: 1024, Hard: 1024 },
      { Name: 'core', Soft: 0, Hard: 0 },
      { Name: 'fsize', Soft: 2 ** 26, Hard: 2 ** 26 },
      { Name: 'msgqueue', Soft: 0, Hard: 0 },
      { Name: 'cpu', Soft: 30, Hard: 30 },
    ],
    LogConfig: { Type: 'local', Config: { 'max-size': '512k', 'max-file': '2', compress: 'false' } },
    AutoRemove: false,
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
  });
  t.regex((HostConfig as { CgroupParent: string }).CgroupParent, /^(\/glambdar|glambdar\.slice)$/);
});

function mount(source: string, target: string): object {
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: true,
    BindOptions: { Propagation: 'rprivate' },
  };
}

integration(
  'a container has scratch space, a read-only slot that follows the host, and nothing of the host',
  async (t) => {
    const probes = await ProbeDriver.open(t);
    const spec = probes.spec();
    const probe = await probes.start(spec);
    const staged = join(probes.directory, 'staged');
    mkdirSync(staged);
    renameSync(staged, join(slotOf(spec), 'function'));
    t.true(await probe.evaluate(`return require('fs').existsSync('/slot/function')`));
    t.is(await probe.evaluate(`require('fs').writeFileSync('/tmp/x', 'y'); return 'written'`), 'written');
    await t.throwsAsync(probe.evaluate(`require('fs').writeFileSync('/slot/x', 'y')`), { message: 'EROFS' });
    await t.throwsAsync(probe.evaluate(`require('fs').unlinkSync('/slot/s')`), { message: 'EROFS' });
    await t.throwsAsync(probe.evaluate(`require('fs').writeFileSync('/worker/x', 'y')`), {
      message: 'EROFS',
    });
    await t.throwsAsync(probe.evaluate(`require('fs').writeFileSync('/x', 'y')`), {
      message: /EROFS|EACCES/,
    });
    t.deepEqual(await probe.evaluate(`return process.getuid()`), spec.user.uid);
    t.regex((await probe.evaluate('return process.version')) as string, /^v24\./);
  },
);

integration('remove ends a container for good, may be called twice, and forgets it', async (t) => {
  const probes = await ProbeDriver.open(t);
  const { id } = await probes.start();
  await Promise.all([probes.driver.remove(id), probes.driver.remove(id)]);
  await probes.driver.remove(id);
  t.deepEqual(await containersOf(probes.options.dirId), []);
  t.is(await probes.driver.exitState(id, 0), undefined);
});

integration('an exit is reported once with its code, and its output can be read', async (t) => {
  const probes = await ProbeDriver.open(t);
  const probe = await probes.start();
  const exits: ExitState[] = [];
  probes.driver.onExit(probe.id, (exit) => exits.push(exit));
  t.is(await probes.driver.exitState(probe.id, 20), undefined);
  const code = `process.stdout.write('out ü'); process.stderr.write('x'.repeat(5000) + 'end'); setTimeout(() => process.exit(7), 50)`;
  await probe.evaluate(code);
  t.deepEqual(await probes.driver.exitState(probe.id, 5_000), { exitCode: 7, oomKilled: false });
  t.deepEqual(exits, [{ exitCode: 7, oomKilled: false }]);
  t.deepEqual(await probes.driver.output(probe.id, 10), { stdout: 'out ü', stderr: 'xxxxxxxend' });
});

integration('a function over its memory limit is reported as killed for memory', async (t) => {
  const probes = await ProbeDriver.open(t);
  const probe = await probes.start(probes.spec({ memoryMb: 64 }));
  void probe.evaluate(`const all = []; for (;;) all.push(Buffer.alloc(1e6, 1))`).catch(() => undefined);
  t.deepEqual(await probes.driver.exitState(probe.id, 10_000), { exitCode: 137, oomKilled: true });
});

integration('the memory of a standby is what it costs, near to what its group is charged', async (t) => {
  const probes = await ProbeDriver.open(t);
  const specs = [probes.spec(), probes.spec()];
  for (const spec of specs) await probes.start(spec);
  const unknown = { id: 'never0there', uid: 299_999 };
  const asked = specs.map(({ id, user }) => ({ id, uid: user.uid }));
  const measured = await probes.driver.usage([...asked, unknown]);
  t.deepEqual([...measured.keys()].sort(), specs.map(({ id }) => id).sort());
  const elsewhere = new ProbeDriver(t, { ...probes.options, procRoot: '/does/not/exist' });
  const charged = await elsewhere.driver.usage(asked);
  for (const { id } of specs) {
    const [own, group] = [measured.get(id), charged.get(id)];
    t.log(own, group);
    t.true(own!.memoryBytes > 5e6 && own!.memoryBytes < 100e6);
    const factor = own!.memoryBytes / group!.memoryBytes;
    t.true(factor > 1 / 4 && factor < 4, `factor ${factor}`);
    t.true(own!.cpuMs! > 5 && group!.cpuMs! > 5);
    t.true(Math.abs(own!.cpuMs! - group!.cpuMs!) < 50 + group!.cpuMs! / 2);
  }
});

integration(
  "a container's score for the kernel that looks for memory stays above the server's",
  async (t) => {
    const probe = await (await ProbeDriver.open(t)).start();
    const write = (score: number): Promise<unknown> =>
      probe
        .evaluate(
          `const file = '/proc/self/oom_score_adj', fs = require('fs'); fs.writeFileSync(file, '${score}'); return Number(fs.readFileSync(file))`,
        )
        .catch(({ message }: Error) => message);
    t.is(await probe.evaluate(`return Number(require('fs').readFileSync('/proc/self/oom_score_adj'))`), 500);
    // runc sets the score. If it has CAP_SYS_RESOURCE that is the least the container may have, else 0 is.
    const daemon = readFileSync(`/proc/${readFileSync('/var/run/docker.pid', 'utf8').trim()}/status`, 'utf8');
    const capabilities = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(daemon)?.[1]}`);
    const sysResource = (capabilities & (1n << 24n)) !== 0n;
    t.log(`the daemon ${sysResource ? 'has' : 'lacks'} CAP_SYS_RESOURCE`);
    t.is(await write(0), sysResource ? 'EACCES' : 0);
    t.is(await write(-1), 'EACCES');
  },
);

integration('an aborted start rejects at once and leaves no container', async (t) => {
  const probes = await ProbeDriver.open(t);
  for (const delayMs of [0, 5, 30, 80]) {
    const abort = new AbortController();
    const started = probes.driver.start(probes.spec(), abort.signal);
    let over = false;
    started.then(() => (over = true)).catch(() => undefined);
    await sleep(delayMs);
    // A fast machine has started it by now, and there is nothing to give up.
    if (over && delayMs > 0) continue;
    const abortedAt = performance.now();
    abort.abort();
    const error = await t.throwsAsync(started, { instanceOf: DriverError }).catch(() => undefined);
    t.is(error?.kind, 'failed');
    t.true(performance.now() - abortedAt < 20);
  }
  await probes.driver.close();
  t.deepEqual(await containersOf(probes.options.dirId), []);
});

integration('a mount whose source is a link, missing, or outside the run directory is refused', async (t) => {
  const probes = await ProbeDriver.open(t);
  const link = join(probes.options.runRoot, 'link');
  symlinkSync('/', link);
  for (const source of [link, join(probes.options.runRoot, 'none'), probes.directory, `${link}/etc`]) {
    const spec = probes.spec();
    const mounts = [...spec.mounts, { source, target: '/further', readOnly: true }];
    await t.throwsAsync(probes.driver.start({ ...spec, mounts }, new AbortController().signal), {
      instanceOf: DriverError,
      message: /cannot be mounted/,
    });
  }
});

integration(
  'containers an earlier run left are removed at open, those of another directory are not',
  async (t) => {
    const earlier = await ProbeDriver.open(t);
    await earlier.start();
    const other = await ProbeDriver.open(t);
    await other.start();
    const { dirId } = earlier.options;
    const later = new ProbeDriver(t, { dirId });
    await later.driver.open();
    t.deepEqual(await containersOf(dirId), []);
    t.is((await containersOf(other.options.dirId)).length, 1);
    await other.driver.close();
    await other.driver.close();
    t.deepEqual(await containersOf(other.options.dirId), []);
  },
);

integration('a wrong runtime is a sentence', async (t) => {
  const probes = new ProbeDriver(t, { ociRuntime: 'no-such' });
  const error = await t.throwsAsync(probes.driver.open(), { instanceOf: DriverError });
  t.regex(error?.message ?? '', /no runtime "no-such"; it has .*runc/);
});

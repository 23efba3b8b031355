import test from 'ava';
import {
  createOptions as optionsOf,
  type ContainerContext,
} from '../../../../src/driver/docker/container-options.js';
import type { Image } from '../../../../src/driver/docker/image/image.js';
import type { ContainerSpec } from '../../../../src/driver/driver.js';
import { containerSpec } from '../../../helpers/container-spec.js';

const context: ContainerContext = {
  dirId: 'dir',
  bootId: 'boot',
  ociRuntime: null,
  init: true,
  cgroupParent: '/glambdar',
  bridgeNetwork: 'glambdar-1',
  bridgeResolvers: [],
  loopbackMounts: [{ source: '/somewhere/hosts', target: '/etc/hosts', readOnly: true }],
};
const image: Image = {
  id: 'sha256:1',
  reference: 'x',
  sizeBytes: 1,
  ports: [],
  env: ['PATH=/image/bin'],
  volumes: [],
  workingDir: '/image',
};
const spec = containerSpec({
  env: { HOME: '/tmp', NODE_ENV: 'production' },
  workingDir: '/slot',
  mounts: [
    { source: '/run/link', target: '/slot', readOnly: true },
    { source: '/run/out', target: '/out', readOnly: false },
  ],
  labels: { further: 'label', 'glambdar.dir': 'of somebody else' },
});
spec.limits.cpus = 0.5;
spec.limits.cpuSeconds = 9.2;

/** The mounts as if the first one's real path was another. */
const mounts = [{ ...spec.mounts[0]!, source: '/run/real' }, spec.mounts[1]!];

function createOptions(
  given: Partial<ContainerSpec> = {},
  its: Partial<Image> = {},
  here: Partial<ContainerContext> = {},
) {
  return optionsOf({ ...spec, ...given }, mounts, { ...image, ...its }, { ...context, ...here });
}

test('the container gets checked mounts, its limits, and an identity of its own', (t) => {
  const { HostConfig, ...options } = createOptions();
  t.like(options, {
    name: 'glambdar-abcdefgh',
    Image: 'sha256:1',
    Entrypoint: ['node', '-e', ''],
    Cmd: [],
    User: '200017:200017',
    WorkingDir: '/slot',
    Labels: {
      further: 'label',
      'glambdar.dir': 'dir',
      'glambdar.boot': 'boot',
      'glambdar.instance': 'abcdefgh',
    },
  });
  t.like(HostConfig, {
    Memory: 2 ** 27,
    MemorySwap: 2 ** 27,
    CpuQuota: 500_000,
    NetworkMode: 'none',
    Init: true,
  });
  t.deepEqual(
    HostConfig?.Mounts?.map(({ Source, ReadOnly }) => [Source, ReadOnly]),
    [
      ['/run/real', true],
      ['/run/out', false],
      ['/somewhere/hosts', true],
    ],
  );
  t.deepEqual(
    (HostConfig?.Ulimits as { Name: string }[] | undefined)?.find(({ Name }) => Name === 'cpu'),
    { Name: 'cpu', Soft: 10, Hard: 10 },
  );
});

test('for a command only the PATH of the image comes through; its volumes are covered', (t) => {
  const hostile = {
    env: ['NODE_OPTIONS=--inspect', 'LD_PRELOAD=/x.so', 'HOME=/root', 'BARE'],
    volumes: ['/data', '/out'],
  };
  const { Env, HostConfig } = createOptions({}, hostile);
  t.deepEqual(Env, [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOME=/tmp',
    'NODE_ENV=production',
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'BARE',
  ]);
  t.is(createOptions().Env?.[0], 'PATH=/image/bin');
  const covered = HostConfig?.Tmpfs as Record<string, string>;
  t.regex(covered['/data'] ?? '', /size=16777216,nr_inodes=1024,uid=200017,gid=200017,mode=0700/);
  t.false('/out' in covered, 'a mount of the spec covers it already');
});

test("the image's own entrypoint keeps its command, its environment and its working directory", (t) => {
  const { Env, ...options } = createOptions(
    { command: null, workingDir: null },
    { env: ['JAVA_HOME=/java'] },
  );
  t.false('Entrypoint' in options || 'Cmd' in options);
  t.is(options.WorkingDir, '/image');
  t.false(Env?.includes('JAVA_HOME'), 'a name without a value would unset it');
});

test('what the daemon lacks is left out, what the operator chose is put in', (t) => {
  const bare =
    createOptions({}, {}, { init: false, cgroupParent: null, ociRuntime: 'runsc' }).HostConfig ?? {};
  t.false('Init' in bare);
  t.false('CgroupParent' in bare);
  t.is(bare.Runtime, 'runsc');
});

test('network "bridge" gets its Docker network and name servers; "none" a loopback that can resolve itself', (t) => {
  const bridgeResolvers = ['10.0.0.1'];
  const bridge = createOptions({ network: 'bridge' }, {}, { bridgeResolvers });
  t.like(bridge.HostConfig, { NetworkMode: 'glambdar-1', Dns: ['10.0.0.1'] });
  t.is(bridge.HostConfig?.Mounts?.length, 2);
  t.false(bridge.NetworkDisabled);
  const none = createOptions({}, {}, { bridgeResolvers });
  t.false('Dns' in none.HostConfig!);
  t.is(none.HostConfig?.Mounts?.at(-1)?.Target, '/etc/hosts');
  t.true(none.NetworkDisabled);
  t.not(bridge.HostConfig?.SecurityOpt?.[1], none.HostConfig?.SecurityOpt?.[1]);
});

import test from 'ava';
import { createOptions, type ContainerContext } from '../../../../src/driver/docker/container-options.js';
import type { ContainerSpec } from '../../../../src/driver/driver.js';

const context: ContainerContext = {
  dirId: 'dir',
  bootId: 'boot',
  image: { id: 'sha256:1', reference: 'x', env: ['PATH=/image/bin'], volumes: [] },
  workerDir: '/somewhere/worker',
  runtime: null,
  init: true,
  cgroupParent: '/glambdar',
  bridgeNetwork: 'glambdar-1',
};
const spec: ContainerSpec = {
  instanceId: 'abcdefgh',
  profile: { memoryMb: 128, cpus: 0.5, network: 'none' },
  slotDir: '/run/link',
  uid: 200017,
  cpuSecondsLimit: 9.2,
};

test('the container gets the real slot, the limits of its profile, and an identity of its own', (t) => {
  const { HostConfig, ...options } = createOptions(spec, '/run/real', context);
  t.like(options, { name: 'glambdar-abcdefgh', Image: 'sha256:1', User: '200017:200017' });
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
      ['/somewhere/worker', true],
    ],
  );
  t.deepEqual(
    (HostConfig?.Ulimits as { Name: string }[] | undefined)?.find(({ Name }) => Name === 'cpu'),
    { Name: 'cpu', Soft: 10, Hard: 10 },
  );
});

test('of the image only its PATH comes through; its volumes are covered', (t) => {
  const image = {
    ...context.image,
    env: ['NODE_OPTIONS=--inspect', 'LD_PRELOAD=/x.so', 'HOME=/root', 'BARE'],
    volumes: ['/data'],
  };
  const { Env, HostConfig } = createOptions(spec, '/run/real', { ...context, image });
  t.deepEqual(Env, [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOME=/tmp',
    'TMPDIR=/tmp',
    'NODE_ENV=production',
    'GLAMBDAR_SLOT=/slot',
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'BARE',
  ]);
  t.is((createOptions(spec, '/run/real', context).Env ?? [])[0], 'PATH=/image/bin');
  t.regex(
    (HostConfig?.Tmpfs as Record<string, string>)['/data'] ?? '',
    /size=16m,nr_inodes=1024,uid=200017,gid=200017,mode=0700/,
  );
});

test('what the daemon lacks is left out, what the operator chose is put in', (t) => {
  const bare =
    createOptions(spec, '/run/real', { ...context, init: false, cgroupParent: null, runtime: 'runsc' })
      .HostConfig ?? {};
  t.false('Init' in bare);
  t.false('CgroupParent' in bare);
  t.is(bare.Runtime, 'runsc');
});

test('the profile "bridge" gets its network, name servers, and internet sockets; "none" gets none of them', (t) => {
  const open = { ...spec, profile: { ...spec.profile, network: 'bridge' as const } };
  const withNetwork =
    createOptions(open, '/run/real', { ...context, bridgeResolvers: ['10.0.0.1'] }).HostConfig ?? {};
  t.like(withNetwork, { NetworkMode: 'glambdar-1', Dns: ['10.0.0.1'] });
  const without =
    createOptions(spec, '/run/real', { ...context, bridgeResolvers: ['10.0.0.1'] }).HostConfig ?? {};
  t.false('Dns' in without);
  t.not(withNetwork.SecurityOpt?.[1], without.SecurityOpt?.[1]);
});

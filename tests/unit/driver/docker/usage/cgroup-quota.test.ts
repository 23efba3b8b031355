import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { CgroupQuota } from '../../../../../src/driver/docker/usage/cgroup-quota.js';
import { temporaryDirectory } from '../../../../helpers/temporary-directory.js';

const cases = [
  { name: 'version 1', parent: '/glambdar', path: 'cpu/glambdar/d1/cpu.cfs_quota_us', text: '250000' },
  {
    name: 'version 1 with systemd',
    parent: 'glambdar.slice',
    path: 'cpu/glambdar.slice/docker-d1.scope/cpu.cfs_quota_us',
    text: '250000',
  },
  { name: 'version 2', parent: '/glambdar', path: 'glambdar/d1/cpu.max', text: '250000 1000000' },
  {
    name: 'version 2 with systemd',
    parent: 'glambdar.slice',
    path: 'glambdar.slice/docker-d1.scope/cpu.max',
    text: '250000 1000000',
  },
];

function quotaOf(root: string, parent: string | null, dockerId: string | undefined) {
  const asked: unknown[] = [];
  const quota = new CgroupQuota({
    engine: { updateContainer: (...args) => Promise.resolve(void asked.push(args)) },
    whileAvailable: (work) => work(),
    parent: () => parent,
    dockerIdOf: () => dockerId,
    root,
  });
  return { quota, asked };
}

for (const { name, parent, path, text } of cases) {
  test(`a container's share is written to its group: ${name}`, async (t) => {
    const root = temporaryDirectory(t);
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
    const { quota, asked } = quotaOf(root, parent, 'd1');
    await quota.set('abcdefgh', 0.25);
    t.is(readFileSync(join(root, path), 'utf8'), text);
    t.deepEqual(asked, []);
  });
}

test('the daemon is asked where the group cannot be written, is not known, or is none', async (t) => {
  const root = temporaryDirectory(t);
  for (const [parent, dockerId] of [
    ['/glambdar', 'd1'],
    ['/glambdar', undefined],
    [null, 'd1'],
  ] as const) {
    const { quota, asked } = quotaOf(root, parent, dockerId);
    await quota.set('abcdefgh', 0.25);
    t.deepEqual(asked, [['glambdar-abcdefgh', { CpuPeriod: 1_000_000, CpuQuota: 250_000 }]]);
  }
});

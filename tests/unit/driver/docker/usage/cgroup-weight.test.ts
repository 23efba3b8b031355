import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CgroupWeight } from '../../../../../src/driver/docker/usage/cgroup-weight.js';

/** A directory that looks like mounted cgroups, with one file. */
function withFile(t: ExecutionContext, path: string, text: string): { root: string; read: () => string } {
  const root = mkdtempSync(join(tmpdir(), 'glambdar-cgroup-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  return { root, read: () => readFileSync(join(root, path), 'utf8') };
}

const cases = [
  { name: 'version 1', path: 'cpu/glambdar/cpu.shares', parent: '/glambdar', before: 1024, after: 2048 },
  {
    name: 'version 1 with systemd',
    path: 'cpu/glambdar.slice/cpu.shares',
    parent: 'glambdar.slice',
    before: 1024,
    after: 2048,
  },
  { name: 'version 2', path: 'glambdar/cpu.weight', parent: '/glambdar', before: 100, after: 200 },
  {
    name: 'version 2 with systemd',
    path: 'glambdar.slice/cpu.weight',
    parent: 'glambdar.slice',
    before: 100,
    after: 200,
  },
  {
    name: 'a value of the operator',
    path: 'cpu/glambdar/cpu.shares',
    parent: '/glambdar',
    before: 512,
    after: 512,
  },
  { name: 'no group', path: 'cpu/glambdar/cpu.shares', parent: null, before: 1024, after: 1024 },
];

for (const { name, path, parent, before, after } of cases)
  test(`the instances' group weighs a task for each core: ${name}`, async (t) => {
    const { root, read } = withFile(t, path, `${before}\n`);
    await new CgroupWeight({ parent: () => parent, cores: 2, root }).started(0);
    t.is(Number(read()), after);
  });

test('on many cores it weighs as much as a group may', async (t) => {
  const { root, read } = withFile(t, 'glambdar/cpu.weight', '100\n');
  await new CgroupWeight({ parent: () => '/glambdar', cores: 256, root }).started(0);
  t.is(Number(read()), 10_000);
});

test('a group that was made again is weighed again, but not looked at with every start', async (t) => {
  const { root, read } = withFile(t, 'glambdar/cpu.weight', '100\n');
  const weight = new CgroupWeight({ parent: () => '/glambdar', cores: 4, root });
  await weight.started(0);
  writeFileSync(join(root, 'glambdar/cpu.weight'), '100\n');
  await weight.started(9_999);
  t.is(Number(read()), 100);
  await weight.started(10_000);
  t.is(Number(read()), 400);
});

test('where there are no such files nothing is made', async (t) => {
  const { root } = withFile(t, 'other', '');
  await t.notThrowsAsync(new CgroupWeight({ parent: () => '/glambdar', cores: 2, root }).started(0));
  t.deepEqual(readdirSync(root), ['other']);
});

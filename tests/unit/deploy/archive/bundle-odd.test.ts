/** Odd zip archives that real tools write and that have one meaning: they are read. */
import { crc32 } from 'node:zlib';
import test from 'ava';
import { extract } from '../../../helpers/extract-here.js';
import {
  buildZip,
  directoryOf,
  extraField,
  sizes64,
  zip64End,
  type ArchiveOptions,
  type HostileEntry,
} from '../../../helpers/hostile-zip.js';

const CODE: HostileEntry = { name: 'index.js', content: 'code' };
const zip = (...entries: HostileEntry[]): Buffer => buildZip([CODE, ...entries]);

test('links of commands under node_modules/.bin are left out, nested ones as well', async (t) => {
  const link = (name: string): HostileEntry => ({ name, content: '../a/cli.js', mode: 0o120777 });
  const { tree, bundle } = await extract(
    t,
    'zip',
    zip(
      { name: 'node_modules/.bin/', mode: 0o040755 },
      link('node_modules/.bin/a'),
      link('node_modules/a/node_modules/.bin/b'),
      { name: 'node_modules/a/cli.js', content: 'cli' },
      { name: 'node_modules/.bin/a.cmd', content: 'windows' },
    ),
  );
  t.deepEqual(tree, {
    'index.js': 'code',
    node_modules: null,
    'node_modules/.bin': null,
    'node_modules/.bin/a.cmd': 'windows',
    'node_modules/a': null,
    'node_modules/a/cli.js': 'cli',
  });
  t.is(bundle.entries, 3);
});

test('links of commands do not keep a top folder from being stripped', async (t) => {
  const entries = ['fn/index.js', 'fn/node_modules/.bin/a'].map((name, index) => ({
    name,
    mode: index === 0 ? 0o100644 : 0o120777,
  }));
  t.deepEqual((await extract(t, 'zip', buildZip(entries))).tree, { 'index.js': '' });
});

for (const [what, mode] of [
  ['setgid', 0o042775],
  ['sticky', 0o041777],
  ['setgid and sticky', 0o043777],
] as const) {
  test(`a ${what} folder is a folder`, async (t) => {
    const { tree } = await extract(t, 'zip', zip({ name: 'lib/', mode }, { name: 'lib/a.js' }));
    t.deepEqual(tree, { 'index.js': 'code', lib: null, 'lib/a.js': '' });
  });
}

for (const [what, entry] of [
  ['its mode', { name: 'lib', mode: 0o040755 }],
  ['its attributes of MS-DOS', { name: 'lib', central: { dosAttributes: 0x10 } }],
  ['its mode, behind "./"', { name: './lib', mode: 0o040755 }],
] as const satisfies readonly (readonly [string, HostileEntry])[]) {
  test(`a folder without a slash is a folder by ${what}`, async (t) => {
    const { tree } = await extract(t, 'zip', zip(entry, { name: 'lib/a.js' }));
    t.deepEqual(tree, { 'index.js': 'code', lib: null, 'lib/a.js': '' });
  });
}

test('"." with the mode of a folder is the root folder', async (t) => {
  t.deepEqual((await extract(t, 'zip', zip({ name: '.', mode: 0o040755 }))).tree, { 'index.js': 'code' });
});

const elsewhere = { count: 0xffff, diskCount: 0xffff, size: 0xffffffff, start: 0xffffffff };
for (const [what, end] of [
  ['that the plain end record refers to', elsewhere],
  ['that the plain end record does not need', {}],
  ['that the plain end record refers to for the directory only', { start: 0xffffffff }],
] as const satisfies readonly (readonly [string, ArchiveOptions['end']])[]) {
  test(`a small archive with a ZIP64 end record ${what} is read`, async (t) => {
    const entries = [CODE, { name: 'a', content: 'x' }];
    const beforeEnd = zip64End(directoryOf(buildZip(entries)));
    const { tree } = await extract(t, 'zip', buildZip(entries, { beforeEnd, end }));
    t.deepEqual(tree, { a: 'x', 'index.js': 'code' });
  });
}

test('an entry whose sizes and position are in a ZIP64 field is read', async (t) => {
  const at = zip().length;
  const central = {
    size: 0xffffffff,
    compressedSize: 0xffffffff,
    headerOffset: 0xffffffff,
    extra: Buffer.concat([extraField(0x5455, Buffer.alloc(5)), extraField(1, sizes64(5, 5, 42))]),
  };
  const local = { size: 0xffffffff, compressedSize: 0xffffffff, extra: extraField(1, sizes64(5, 5)) };
  t.true(at > 42);
  const { tree } = await extract(t, 'zip', zip({ name: 'a', content: 'hello', central, local }));
  t.deepEqual(tree, { a: 'hello', 'index.js': 'code' });
});

test('the UTF-8 name beside one in an unknown encoding is taken', async (t) => {
  const name = Buffer.from('gr\x81\xe1e.js', 'latin1');
  const head = Buffer.alloc(5, 1);
  head.writeUInt32LE(crc32(name), 1);
  const extra = extraField(0x7075, Buffer.concat([head, Buffer.from('grüße.js')]));
  const { tree } = await extract(t, 'zip', zip({ name, flags: 0, central: { extra } }));
  t.deepEqual(Object.keys(tree), ['grüße.js', 'index.js']);
});

test('a byte order mark in front of glambdar.json says nothing', async (t) => {
  const { bundle } = await extract(
    t,
    'zip',
    zip({ name: 'glambdar.json', content: '\ufeff{"memoryMb":256}' }),
  );
  t.deepEqual(bundle.config, { memoryMb: 256 });
});

for (const [names, folder] of [
  [['app/index.js'], 'app'],
  [['./app/index.js', 'app/lib/a.js'], 'app'],
  [['app/app/index.js'], null],
  [['app/app'], null],
  [['app/index.js', 'README'], null],
  [['index.js'], null],
] as const) {
  test(`of ${names.join(' and ')} the stripped folder is ${folder ?? 'none that a path could mean'}`, async (t) => {
    const { bundle } = await extract(t, 'zip', buildZip(names.map((name) => ({ name }))));
    t.is(bundle.strippedFolder, folder);
  });
}

test('a package.json of more than 1 MiB is a file like any other: nothing is read in it', async (t) => {
  const manifest = (bytes: number): HostileEntry => ({
    name: 'package.json',
    content: '{"devDependencies":{"tool":"1"}}'.padEnd(bytes),
  });
  const limits = { maxArchiveBytes: 2e7, maxUnpackedBytes: 2e7 };
  const tool: HostileEntry = { name: 'node_modules/tool/index.js', content: '/'.repeat(6 * 2 ** 20) };
  const hints = async (bytes: number): Promise<string[]> =>
    (await extract(t, 'zip', zip(manifest(bytes), tool), { limits })).bundle.hints;
  t.regex((await hints(2 ** 20)).join(), /packages for development only \(tool\)/);
  t.deepEqual(await hints(2 ** 20 + 1), []);
});

/** Tar archives that are read: the formats, the ends that are missing, and compression. What is refused: tar-hostile.test.ts. */
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { extract } from '../../../helpers/extract-here.js';
import { buildTar, longName, pax, tarEntries, type TarEntry } from '../../../helpers/tar-blocks.js';

const CODE: TarEntry = { name: 'index.js', content: 'code' };
const long = `${'a'.repeat(90)}/${'b'.repeat(90)}/c.js`;
const folders = { ['a'.repeat(90)]: null, [`${'a'.repeat(90)}/${'b'.repeat(90)}`]: null };

for (const format of ['ustar', 'gnu', 'v7'] as const) {
  test(`a tar of the format ${format} is read`, async (t) => {
    const { tree, bundle } = await extract(
      t,
      'tar',
      buildTar(
        { ...CODE, format },
        { name: 'lib/', type: format === 'v7' ? '\0' : '5', format },
        { name: 'lib/é.js', content: 'x'.repeat(512), type: format === 'v7' ? '\0' : '0', format },
        { name: 'lib/empty', format },
      ),
    );
    t.deepEqual(tree, { 'index.js': 'code', lib: null, 'lib/empty': '', 'lib/é.js': 'x'.repeat(512) });
    t.is(bundle.entries, 3);
  });
}

for (const [what, entries] of [
  ['in the prefix of ustar', [{ ...CODE, name: `${'b'.repeat(90)}/c.js`, prefix: 'a'.repeat(90) }]],
  ["in a member of GNU's tar", [longName(long), { ...CODE, name: long, format: 'gnu' }]],
  ['in a pax header', [pax({ path: long, mtime: '1.5' }), { ...CODE, name: long }]],
  [
    "in the pax header of Solaris's tar",
    [
      { ...pax({ path: long }), type: 'X' },
      { ...CODE, name: 'x' },
    ],
  ],
  [
    'in a pax header behind comments for all entries',
    [{ ...pax({ comment: 'c' }), type: 'g' }, pax({ path: long }), CODE],
  ],
] as const satisfies readonly (readonly [string, TarEntry[]])[]) {
  test(`a long name ${what} is read`, async (t) => {
    t.deepEqual((await extract(t, 'tar', buildTar(CODE, ...entries))).tree, {
      ...folders,
      [long]: 'code',
      'index.js': 'code',
    });
  });
}

for (const [what, entries] of [
  [
    '"./" in front of all names',
    [
      { name: './', type: '5' },
      { ...CODE, name: './index.js' },
    ],
  ],
  [
    '"." for its root folder',
    [
      { name: '.', type: '5' },
      { ...CODE, name: './index.js' },
    ],
  ],
  ['a bare slash for its root folder', [{ name: '/', type: '5' }, CODE]],
  [
    'one top folder',
    [
      { name: 'fn', type: '5' },
      { ...CODE, name: 'fn/index.js' },
    ],
  ],
  ['the kind of a contiguous file', [{ ...CODE, type: '7' }]],
  ['a size in binary', [{ ...CODE, patch: [[124, Buffer.from('800000000000000000000004', 'hex')]] }]],
  [
    'numbers padded with spaces',
    [
      {
        ...CODE,
        patch: [
          [124, '         4 \0'],
          [100, '   644 \0'],
        ],
      },
    ],
  ],
  ['a pax size that is the same', [pax({ size: '4' }), CODE]],
  ['the kind of a file in its mode', [{ ...CODE, mode: 0o100644 }]],
  [
    'links of commands',
    [
      CODE,
      { name: 'node_modules/.bin/a', type: '2', link: '../a/cli.js', mode: 0o777 },
      { name: '././@LongLink', type: 'K', content: 'long/target' },
      { name: 'node_modules/.bin/b', type: '1', link: 'index.js' },
    ],
  ],
  [
    'what macOS adds',
    [{ name: './._.' }, { ...CODE, name: './index.js' }, { name: './._index.js', content: 'x' }],
  ],
] as const satisfies readonly (readonly [string, TarEntry[]])[]) {
  test(`a tar with ${what} is read`, async (t) => {
    t.deepEqual((await extract(t, 'tar', buildTar(...entries))).tree, { 'index.js': 'code' });
  });
}

test('a tar whose checksums add up signed bytes is read', async (t) => {
  const signed = tarEntries({ ...CODE, name: 'é' });
  let sum = 8 * 32;
  for (let at = 0; at < 512; at += 1) if (at < 148 || at >= 156) sum += signed.readInt8(at);
  t.deepEqual((await extract(t, 'tar', buildTar({ ...CODE, name: 'é', checksum: sum }))).tree, { é: 'code' });
});

test('a setgid folder is a folder, and files are executable by their modes', async (t) => {
  const { tree } = await extract(t, 'tar', buildTar(CODE, { name: 'lib', type: '5', mode: 0o2775 }));
  t.deepEqual(tree, { 'index.js': 'code', lib: null });
});

const whole = buildTar({ name: 'a', content: 'first' }, { ...CODE, content: 'code'.repeat(200) });
const contentEnd = whole.length - 1024 - (1024 - 800);
for (const [what, length] of [
  ['right behind the last content, unpadded', contentEnd],
  ['in the filling', contentEnd + 7],
  ['behind the filling', whole.length - 1024],
  ['in the first block of the end', whole.length - 1000],
  ['behind the first block of the end', whole.length - 512],
  ['where it should', whole.length],
] as const) {
  test(`a tar that ends ${what} is read`, async (t) => {
    const { tree } = await extract(t, 'tar', whole.subarray(0, length));
    t.deepEqual(tree, { a: 'first', 'index.js': 'code'.repeat(200) });
  });
}

test('the truncated tar of the original faas client, byte by byte, is read', async (t) => {
  // One header: name, modes, size 0o25 = 21, time, checksum, kind, magic; 21 bytes of content, and no byte more.
  const bytes = Buffer.alloc(512 + 21);
  bytes.write('index.js', 0);
  bytes.write('000644 \0', 100);
  bytes.write('001750 \0', 108);
  bytes.write('001750 \0', 116);
  bytes.write('00000000025 ', 124);
  bytes.write('13655151515 ', 136);
  bytes.write('        ', 148);
  bytes.write('0', 156);
  bytes.write('ustar\x0000', 257);
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  bytes.write('module.exports = 1;//', 512);
  const { tree } = await extract(t, 'tar', bytes);
  t.deepEqual(tree, { 'index.js': 'module.exports = 1;//' });
});

test('zeros up to a full record behind the end are read over', async (t) => {
  const { tree } = await extract(t, 'tar', Buffer.concat([buildTar(CODE), Buffer.alloc(100_000)]));
  t.deepEqual(tree, { 'index.js': 'code' });
});

test('a tar and a zip of the same files have the same digest', async (t) => {
  const { buildZip } = await import('../../../helpers/hostile-zip.js');
  const tar = await extract(t, 'tar', buildTar(CODE, { name: 'bin/run', content: '#!', mode: 0o755 }));
  const zip = await extract(
    t,
    'zip',
    buildZip([
      { name: 'bin/run', content: '#!', mode: 0o100755 },
      { name: 'index.js', content: 'code' },
    ]),
  );
  t.deepEqual(tar.bundle, zip.bundle);
});

for (const [what, archive] of [
  ['a tar', buildTar(CODE)],
  ['a tar of the seventh edition', buildTar({ ...CODE, format: 'v7' })],
  ['a tar.gz', gzipSync(buildTar(CODE))],
  ['a tar.gz of two members', Buffer.concat([gzipSync(tarEntries(CODE)), gzipSync(Buffer.alloc(1024))])],
  ['a tar.gz that was cut before the end of its tar', gzipSync(tarEntries(CODE).subarray(0, 516))],
] as const) {
  test(`${what} is recognised by its bytes`, async (t) => {
    t.deepEqual((await extract(t, 'archive', archive)).tree, { 'index.js': 'code' });
  });
}

test('the server and the Dockerfile that the faas client packs are left out', async (t) => {
  const entries = ['server.js', 'Dockerfile', 'lib/server.js', 'index.js'].map((name) => ({ name }));
  const { tree } = await extract(t, 'tar', buildTar(...entries), { packaging: 'faas' });
  t.deepEqual(tree, { 'index.js': '', lib: null, 'lib/server.js': '' });
  const nested = entries.map(({ name }) => ({ name: `fn/${name}` }));
  t.deepEqual((await extract(t, 'tar', buildTar(...nested), { packaging: 'faas' })).tree, tree);
  t.is(
    Object.keys((await extract(t, 'tar', buildTar(...entries))).tree).length,
    5,
    'of other packagings not',
  );
});

for (const text of [
  'language: node',
  'language: "node" # latest',
  "\ufefflanguage: 'nodejs'\r\nname: x",
  'name: python',
  '',
]) {
  test(`fn.yaml with ${JSON.stringify(text)} names a language that runs`, async (t) => {
    await t.notThrowsAsync(
      extract(t, 'tar', buildTar(CODE, { name: 'fn.yaml', content: text }), { packaging: 'faas' }),
    );
  });
}

for (const text of ['language: python', 'name: x\nlanguage:   "go"', 'language: node\nlanguage: ruby']) {
  test(`fn.yaml with ${JSON.stringify(text)} is refused in words`, async (t) => {
    const archive = buildTar(CODE, { name: 'fn.yaml', content: text });
    await t.throwsAsync(extract(t, 'tar', archive, { packaging: 'faas' }), {
      message: /"fn\.yaml" names the language "(python|go|ruby)"; this server runs "node" only\.$/,
    });
    await t.notThrowsAsync(extract(t, 'tar', archive), 'elsewhere it is a file like any other');
  });
}

/** Tar archives that are refused, each with a sentence and before a byte is written. */
import { gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { GlambdarError } from '../../../../src/errors.js';
import { readTar } from '../../../../src/deploy/archive/readers/tar/tar-reader.js';
import { refuses } from '../../../helpers/refuses-bundle.js';
import { buildTar, longName, pax, tarEntries, type TarEntry } from '../../../helpers/tar-blocks.js';

const CODE: TarEntry = { name: 'index.js', content: 'code' };

const tar = { format: 'tar' };
const any = { format: 'archive' };
const tooLarge = { code: 'BUNDLE_TOO_LARGE' } as const;

// Names: the rules are those of all formats; here is what a tar can do to get around them.
for (const [what, entries, message] of [
  ['with ".." in a name', [{ name: '../evil' }], /has "\.\."/],
  ['with an absolute name', [{ name: '/etc/evil' }], /absolute/],
  ['with an absolute name behind "./"', [{ name: './/etc/evil' }], /absolute/],
  ['with a backslash in a name', [{ name: 'a\\b' }], /backslash/],
  ['with an empty name', [{ name: '' }], /no name/],
  ['with a name in Latin-1', [{ name: Buffer.from([0xe9]) }], /UTF-8/],
  ['with ".." in its prefix', [{ name: 'evil', prefix: 'a/..' }], /has "\.\."/],
  ['with an absolute prefix', [{ name: 'evil', prefix: '/etc' }], /absolute/],
  ['with ".." in a pax name', [pax({ path: 'a/../../evil' }), CODE], /has "\.\."/],
  ['with a NUL in a pax name', [pax({ path: 'evil\0.js' }), CODE], /control/],
  ['with an empty pax name', [pax({ path: '' }), CODE], /no name/],
  ['with an absolute long name', [longName('/etc/evil'), CODE], /absolute/],
  ['with a long name of 513 bytes', [longName(`${'a/'.repeat(256)}b`), CODE], /513 bytes; 512/],
  ['with the same name twice', [CODE, CODE], /twice/],
  ['with the same name by another way', [CODE, pax({ path: './index.js' }), { name: 'x' }], /twice/],
  ['with names that differ in case', [{ name: 'a' }, { name: 'A' }], /case or accents/],
  [
    'with names that differ in normalisation',
    [{ name: 'caf\u00e9' }, { name: 'cafe\u0301' }],
    /case or accents/,
  ],
  ['with a file that is also a folder', [{ name: 'a' }, { name: 'a/b' }], /also a folder/],
  ['with a slash for the name of a file', [{ name: '/' }], /absolute/],
  ['with two slashes for the name of a folder', [{ name: '//', type: '5' }], /absolute/],
  // Kinds
  ['with a symbolic link', [{ name: 'l', type: '2', link: '/etc/passwd' }], /symbolic link/],
  [
    'with a symbolic link to a package',
    [{ name: 'node_modules/a', type: '2', link: '../a' }],
    /copies instead of links/,
  ],
  ['with a hard link', [CODE, { name: 'l', type: '1', link: 'index.js' }], /hard link.*--hard-dereference/],
  [
    'with a link called like a folder',
    [{ name: 'node_modules/.bin/a/', type: '2', link: '/' }],
    /symbolic link/,
  ],
  ['with a link with content', [{ name: 'node_modules/.bin/a', type: '2', content: 'x' }], /with content/],
  ['with a character device', [{ name: 'd', type: '3' }], /device, pipe or socket/],
  ['with a block device', [{ name: 'd', type: '4' }], /device, pipe or socket/],
  ['with a pipe', [{ name: 'p', type: '6' }], /device, pipe or socket/],
  ['with a setuid file', [{ name: 's', mode: 0o4755 }], /setuid/],
  ['with a setgid file', [{ name: 's', mode: 0o2755 }], /setuid/],
  ['with a setuid folder', [{ name: 's', type: '5', mode: 0o4755 }], /setuid/],
  ['with a folder with content', [{ name: 'd', type: '5', content: 'x' }], /folder with content/],
  ['with a file called like a folder', [{ name: 'd/', content: 'x' }], /not by both/],
  ['with a sparse file', [{ name: 's', type: 'S', format: 'gnu' }], /sparse/],
  ['with a sparse file of pax', [pax({ 'GNU.sparse.major': '1' }), CODE], /sparse/],
  ['with another volume', [{ name: 'v', type: 'M' }], /kind that cannot be read \("M"\)/],
  ['with an unknown kind', [{ name: 'v', type: '\x01' }], /kind that cannot be read \(byte 1\)/],
  // Two descriptions of one entry
  ['with two long names', [longName('a'), longName('b'), CODE], /two different ways/],
  ['with a long name and a pax header', [longName('a'), pax({ path: 'b' }), CODE], /two different ways/],
  ['with a pax header and a long name', [pax({ size: '4' }), longName('b'), CODE], /two different ways/],
  ['with two pax headers', [pax({ path: 'a' }), pax({ path: 'b' }), CODE], /two different ways/],
  [
    'with a pax size that is smaller',
    [pax({ size: '0' }), { ...CODE, content: 'x'.repeat(1024) }],
    /two sizes/,
  ],
  ['with a pax size that is larger', [pax({ size: '512' }), { ...CODE, content: '' }], /two sizes/],
  ['with a pax size that is no number', [pax({ size: '4x' }), CODE], /two sizes/],
  ['with a name for all entries', [{ ...pax({ path: 'evil' }), type: 'g' }, CODE], /damaged or ambiguous/],
  ['with a size for all entries', [{ ...pax({ size: '0' }), type: 'g' }, CODE], /damaged or ambiguous/],
  ['with two names in a pax header', [{ ...pax({}), content: '9 path=a\n9 path=b\n' }, CODE], /ambiguous/],
  ['with a pax record longer than its header', [{ ...pax({}), content: '99 path=a\n' }, CODE], /damaged/],
  ['with a pax record of length 0', [{ ...pax({}), content: '0 path=a\n' }, CODE], /damaged/],
  ['with a pax record without a key', [{ ...pax({}), content: '5 =a\n' }, CODE], /damaged/],
  ['with a pax record without a length', [{ ...pax({}), content: 'path=a\n' }, CODE], /damaged/],
  ['with a pax header of over 1 MiB', [{ ...pax({}), size: 1_048_577 }, CODE], /damaged/],
  // Numbers
  ['with a wrong checksum', [CODE, { ...CODE, name: 'b', checksum: 1 }], /wrong checksum/],
  ['with a size that is no number', [{ ...CODE, patch: [[124, 'x']] }], /header that cannot be read/],
  [
    'with a negative size',
    [{ ...CODE, patch: [[124, Buffer.alloc(12, 255)]] }],
    /header that cannot be read/,
  ],
  [
    'with a size beyond numbers',
    [{ ...CODE, patch: [[124, Buffer.from('80ffffffffffffffffffffff', 'hex')]] }],
    /cut short/,
  ],
  ['with a size of 8 GiB', [{ ...CODE, size: 8 * 2 ** 30 - 1 }], /cut short/],
] as const satisfies readonly (readonly [string, TarEntry[], RegExp])[]) {
  test(`in tar: ${what}`, refuses, buildTar(...entries), message, tar);
}

const first = tarEntries({ ...CODE, content: 'code'.repeat(200) });
for (const [what, archive, message] of [
  ['that is empty of bytes', Buffer.alloc(0), /no files/],
  ['that is only its end', Buffer.alloc(1024), /no files/],
  ['that is text', Buffer.from('hello '.repeat(100)), /not a tar archive/],
  [
    'that is compressed where a plain one is expected',
    gzipSync(buildTar(CODE)),
    /not a tar archive.*not compressed/,
  ],
  ['that was cut in its last content', first.subarray(0, 512 + 799), /cut short/],
  ['that was cut in a header', Buffer.concat([first, tarEntries(CODE).subarray(0, 100)]), /cut short/],
  ['that ends behind a pax header', Buffer.concat([first, tarEntries(pax({ path: 'a' }))]), /cut short/],
  ['whose end stands behind a pax header', buildTar(CODE, pax({ path: 'a' })), /cut short/],
  [
    'with another archive behind its end',
    Buffer.concat([buildTar(CODE), buildTar({ name: 'b' })]),
    /after its end/,
  ],
  [
    'with an entry behind one block of its end',
    Buffer.concat([first, Buffer.alloc(512), buildTar({ name: 'b' })]),
    /after its end/,
  ],
  ['with folders only', buildTar({ name: 'a', type: '5' }), /no files/],
] as const) {
  test(`in tar: ${what}`, refuses, archive, message, tar);
}

test(
  'in tar: with 51 entries',
  refuses,
  buildTar(...Array.from({ length: 51 }, (_, i) => ({ name: `f${i}` }))),
  /too many files/,
  tar,
);
test(
  'in tar: with one entry 60 folders deep',
  refuses,
  buildTar({ name: `${'a/'.repeat(49)}x`, prefix: 'b/'.repeat(11) + 'c' }),
  /too many files/,
  tar,
);
const big = { content: Buffer.alloc(60_000) };
test(
  'in tar: whose entries are too big together',
  refuses,
  buildTar({ name: 'a', ...big }, { name: 'b', ...big }),
  /more than 100000 bytes/,
  { ...tar, ...tooLarge },
);

// Compressed, and formats that nobody reads here
test(
  'that is compressed and unpacks to more than a tar within the limits can have',
  refuses,
  gzipSync(Buffer.alloc(5_000_000)),
  /more than 100000 bytes/,
  { ...any, ...tooLarge },
);
test(
  'that is compressed and cut short',
  refuses,
  gzipSync(buildTar(CODE)).subarray(0, -9),
  /gzip file is damaged/,
  any,
);
test('that is compressed twice', refuses, gzipSync(gzipSync(buildTar(CODE))), /not a tar archive/, any);
for (const [name, magic] of [
  ['7z', '7z\xbc\xaf\x27\x1c'],
  ['rar', 'Rar!\x1a\x07'],
  ['xz', '\xfd7zXZ\0'],
  ['bzip2', 'BZh9'],
  ['zstd', '\x28\xb5\x2f\xfd'],
] as const) {
  test(
    `that is a ${name} archive`,
    refuses,
    Buffer.from(`${magic}${'x'.repeat(600)}`, 'latin1'),
    new RegExp(`is a ${name} archive. Upload a .zip, .tar or .tar.gz file`),
    any,
  );
}

const limits = { maxUnpackedBytes: 100_000, maxEntries: 20 };

test('readTar throws a GlambdarError or gives contents of the declared sizes, whatever bytes of an archive are changed', (t) => {
  const good = buildTar(
    CODE,
    longName('a/b'),
    { name: 'a/b', content: 'x'.repeat(700) },
    pax({ path: 'c', size: '3' }),
    { name: 'x', content: 'abc' },
  );
  const changes = fc.array(
    fc.record({
      at: fc.nat(good.length - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
      mends: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const cut = fc.option(fc.nat(good.length), { freq: 5 });
  const property = fc.property(changes, cut, (list, length) => {
    const bytes = Buffer.from(good);
    for (const { at, bytes: patch, mends } of list) {
      bytes.set(patch.subarray(0, good.length - at), at);
      if (mends) mendChecksum(bytes, at - (at % 512));
    }
    try {
      const files = readTar(length === null ? bytes : bytes.subarray(0, length), limits);
      return files.entries.every((entry) => files.read(entry).length === entry.size);
    } catch (error) {
      return error instanceof GlambdarError;
    }
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});

/** Makes a changed block pass as a header, so that the change is looked at. */
function mendChecksum(bytes: Buffer, at: number): void {
  bytes.fill(' ', at + 148, at + 156);
  const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
}

/** Archives whose bytes lie: bombs and sizes, two descriptions of one thing. */
import { crc32, deflateRawSync } from 'node:zlib';
import test from 'ava';
import { buildZip, extraField, type HostileEntry } from '../../../helpers/hostile-zip.js';
import { GOOD, refuses, withEntry } from '../../../helpers/refuses-bundle.js';

// Sizes that lie, and bombs
const zeros = Buffer.alloc(90_000);
const both = (fields: NonNullable<HostileEntry['local']>) => ({ central: fields, local: fields });
test(
  'that declares 10 bytes for 90,000',
  refuses,
  withEntry({ name: 'z', content: zeros, method: 8, ...both({ size: 10 }) }),
  /bigger than it declares/,
  { whenInflating: true },
);
test(
  'that declares 1 byte more than there is',
  refuses,
  withEntry({ name: 'z', content: zeros, method: 8, ...both({ size: 90_001 }) }),
  /declares 90001 bytes and has 90000/,
  { whenInflating: true },
);
test(
  'that declares nothing for 90,000 bytes',
  refuses,
  withEntry({ name: 'z', content: zeros, method: 8, ...both({ size: 0 }) }),
  /checksum/,
);
test(
  'that declares nothing for 90,000 bytes and no checksum',
  refuses,
  withEntry({ name: 'z', content: zeros, method: 8, ...both({ size: 0, crc: 0 }) }),
  /bigger than it declares/,
  { whenInflating: true },
);
test(
  'that declares data where there is none',
  refuses,
  withEntry({ name: 'z', method: 8, ...both({ size: 5, compressedSize: 0 }) }),
  /cannot be true/,
);
test(
  'whose stored entry has two sizes',
  refuses,
  withEntry({ name: 'z', content: 'abc', ...both({ size: 2 }) }),
  /cannot be true/,
);
test(
  'that declares more than may be unpacked',
  refuses,
  withEntry({ name: 'z', content: 'x', method: 8, ...both({ size: 4_000_000_000 }) }),
  /more than 100000 bytes/,
  { code: 'BUNDLE_TOO_LARGE' },
);
test(
  'whose entries are too big together',
  refuses,
  buildZip([
    { name: 'a', content: zeros, method: 8 },
    { name: 'b', content: zeros, method: 8 },
  ]),
  /more than 100000 bytes/,
  { code: 'BUNDLE_TOO_LARGE' },
);
test(
  'whose ignored entries are too big',
  refuses,
  buildZip([
    GOOD,
    { name: '__MACOSX/a', content: zeros, method: 8 },
    { name: '__MACOSX/b', content: zeros, method: 8 },
  ]),
  /more than/,
  { code: 'BUNDLE_TOO_LARGE' },
);
test(
  'with a wrong checksum',
  refuses,
  withEntry({ name: 'c', content: 'abc', ...both({ crc: 1 }) }),
  /damaged/,
  { whenInflating: true },
);
test(
  'with a wrong checksum of a deflated entry',
  refuses,
  withEntry({ name: 'c', content: 'abc', method: 8, ...both({ crc: 1 }) }),
  /damaged/,
  { whenInflating: true },
);
test('with a checksum for nothing', refuses, withEntry({ name: 'c', ...both({ crc: 1 }) }), /checksum/);
test(
  'with data that cannot be inflated',
  refuses,
  withEntry({ name: 'c', content: '\xff\xff\xff', ...both({ method: 8 }) }),
  /damaged/,
  { whenInflating: true },
);
test(
  'with bytes behind the end of its compressed data',
  refuses,
  withEntry({
    name: 'c',
    content: 'abc',
    method: 8,
    after: Buffer.from('more'),
    ...both({ compressedSize: deflateRawSync('abc').length + 4 }),
  }),
  /damaged/,
  { whenInflating: true },
);
test(
  'whose compressed data is cut short',
  refuses,
  withEntry({ name: 'c', content: 'abc', method: 8, ...both({ compressedSize: 3 }) }),
  /damaged/,
  { whenInflating: true },
);
test(
  'with 51 entries',
  refuses,
  buildZip(Array.from({ length: 51 }, (_, i) => ({ name: `f${i}` }))),
  /too many files and folders; 50/,
);
test(
  'with one entry 60 folders deep',
  refuses,
  withEntry({ name: 'a/'.repeat(60) }),
  /too many files and folders/,
);
test(
  'that says it has 65,535 entries',
  refuses,
  buildZip([GOOD], { end: { count: 65_535 } }),
  /too many files and folders/,
);

// Two descriptions of one thing
for (const [what, entry] of [
  ['whose local header has another name', { name: 'a', content: 'x', local: { name: 'b' } }],
  ['whose local header has a longer name', { name: 'a', content: 'x', local: { name: '../evil' } }],
  ['whose local header has another size', { name: 'a', content: 'x', local: { size: 2 } }],
  [
    'whose local header has another compressed size',
    { name: 'a', content: 'x', local: { compressedSize: 2 } },
  ],
  ['whose local header has another checksum', { name: 'a', content: 'x', local: { crc: 2 } }],
  ['whose local header has another method', { name: 'a', content: 'x', local: { method: 8 } }],
  ['whose local header is not one', { name: 'a', content: 'x', central: { headerOffset: 60 } }],
] as const satisfies readonly (readonly [string, HostileEntry])[]) {
  test(what, refuses, withEntry(entry), /two different ways|overlaps/);
}
/** A field with a UTF-8 name. @param of the plain name that the field says it belongs to */
const unicodePath = (name: string, of: Buffer, version = 1): Buffer => {
  const head = Buffer.alloc(5, version);
  head.writeUInt32LE(crc32(of), 1);
  return extraField(0x7075, Buffer.concat([head, Buffer.from(name)]));
};
const plain = Buffer.from('gr\x81.js', 'latin1');
for (const [what, name, flags, extra] of [
  ['beside a plain name', Buffer.from('a'), 0, unicodePath('evil', Buffer.from('a'))],
  ['beside a UTF-8 name', Buffer.from('ä'), 0, unicodePath('evil', Buffer.from('ä'))],
  ['beside a name that claims to be UTF-8', plain, 0x0800, unicodePath('grü.js', plain)],
  ['that belongs to another name', plain, 0, unicodePath('grü.js', Buffer.from('x'))],
  ['in another folder', plain, 0, unicodePath('grü/x.js', plain)],
  ['of another version', plain, 0, unicodePath('grü.js', plain, 2)],
  ['without a name', plain, 0, extraField(0x7075, Buffer.alloc(3))],
] as const) {
  test(
    `with a name for Unicode readers ${what}`,
    refuses,
    withEntry({ name, flags, central: { extra } }),
    /two different names/,
  );
}
test(
  'with a name for Unicode readers that leaves the target',
  refuses,
  withEntry({
    name: Buffer.from('\x81/x', 'latin1'),
    flags: 0,
    central: { extra: unicodePath('../x', Buffer.from('\x81/x', 'latin1')) },
  }),
  /has "\.\."/,
);
test(
  'whose entries share their data',
  refuses,
  buildZip([GOOD, { ...GOOD, name: 'b', central: { headerOffset: 0 } }]),
  /overlaps/,
);
test('whose entry lies in the data of another', refuses, nestedZip(), /overlaps/);
test(
  'whose entry reaches into the directory',
  refuses,
  withEntry({ name: 'a', content: 'x', ...both({ size: 40, compressedSize: 40 }) }),
  /overlaps/,
);
test(
  'whose entry lies behind the end',
  refuses,
  withEntry({ name: 'a', central: { headerOffset: 4_000_000_000 } }),
  /two different ways/,
);
test(
  'whose entry claims to lie at the end',
  refuses,
  withEntry({ name: 'a', ...both({}), central: { headerOffset: 0xffffffff } }),
  /ZIP64/,
);
test(
  'with a comment that holds another archive',
  refuses,
  buildZip([GOOD], { comment: buildZip([{ name: 'evil' }]) }),
  /after its end|before its first/,
);
test(
  'with an end record in the comment',
  refuses,
  buildZip([GOOD], { comment: buildZip([]) }),
  /before its first|after its end/,
);

/** A stored entry whose data is itself a local entry, and a central header that points into it. */
function nestedZip(): Buffer {
  const inner = buildZip([{ name: 'b', content: 'x' }]).subarray(0, 32);
  return buildZip([
    { name: 'a', content: inner },
    { name: 'b', content: 'x', central: { headerOffset: 31 } },
  ]);
}

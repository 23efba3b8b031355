/** The frame of an archive: what is no whole, plain, single archive; and its config file. */
import test from 'ava';
import {
  buildZip,
  directoryOf,
  extraField,
  sizes64,
  zip64End,
  type ArchiveOptions,
  type HostileEntry,
  type Zip64End,
} from '../../../helpers/hostile-zip.js';
import { GOOD, refuses, withEntry } from '../../../helpers/refuses-bundle.js';

// The frame
test('that is empty of bytes', refuses, Buffer.alloc(0), /not a whole zip/);
test('that is text', refuses, Buffer.from('hello, this is not a zip archive'), /not a zip archive/);
test('that is a gzip', refuses, Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), /not a zip archive/);
test('that was cut short', refuses, buildZip([GOOD]).subarray(0, -3), /its end is missing|cut short/);
test('that was cut in half', refuses, buildZip([GOOD]).subarray(0, 50), /its end is missing/);
test('with bytes after its end', refuses, buildZip([GOOD], { suffix: Buffer.from('x') }), /after its end/);
test(
  'with bytes behind zeros after its end',
  refuses,
  buildZip([GOOD], { suffix: Buffer.from('\0\0x') }),
  /after its end/,
);
test(
  'with a comment that was cut short',
  refuses,
  buildZip([GOOD], { end: { commentLength: 5 }, suffix: Buffer.alloc(3) }),
  /cut short/,
);
test(
  'with bytes before its first entry',
  refuses,
  buildZip([GOOD], { prefix: Buffer.from('MZ stub') }),
  /not a zip archive/,
);
test(
  'with bytes like its own before its first entry',
  refuses,
  buildZip([GOOD], { prefix: Buffer.from('PK\x03\x04stub') }),
  /before its first entry/,
);
test(
  'whose directory starts elsewhere',
  refuses,
  buildZip([GOOD], { end: { start: 0 } }),
  /before its first entry/,
);
test(
  'with fewer entries than it says',
  refuses,
  buildZip([GOOD], { end: { count: 2 } }),
  /directory is damaged/,
);
test(
  'with more entries than it says',
  refuses,
  buildZip([GOOD, { name: 'b' }], { end: { count: 1 } }),
  /fewer entries/,
);
test('in several parts', refuses, buildZip([GOOD], { end: { disk: 1 } }), /one part of several/);
test(
  'whose directory is in another part',
  refuses,
  buildZip([GOOD], { end: { directoryDisk: 1 } }),
  /one part of several/,
);
test(
  'with entries in another part',
  refuses,
  buildZip([GOOD], { end: { diskCount: 0, count: 1 } }),
  /one part of several/,
);
test(
  'whose entry is in another part',
  refuses,
  withEntry({ name: 'a', central: { disk: 1 } }),
  /another part/,
);
// ZIP64
const place = directoryOf(buildZip([GOOD]));
const elsewhere = { count: 0xffff, size: 0xffffffff, start: 0xffffffff };
for (const [what, end, plain, message] of [
  ['record counts another number of entries', { ...place, count: 2 }, {}, /ZIP64/],
  [
    'record counts another number of entries, and the plain one none',
    { ...place, count: 2 },
    elsewhere,
    /directory is damaged/,
  ],
  ['record counts too many entries', { ...place, count: 1e9 }, elsewhere, /too many files and folders; 50/],
  ['record has another directory', { ...place, start: 1 }, {}, /ZIP64/],
  [
    'record has another directory, and the plain one none',
    { ...place, start: 1, at: place.start + place.size },
    elsewhere,
    /before its first/,
  ],
  [
    'record has a directory far away',
    { ...place, start: 2 ** 52, at: place.start + place.size },
    elsewhere,
    /before its first/,
  ],
  [
    'record has a directory farther than numbers go',
    { ...place, start: 2 ** 60, at: place.start + place.size },
    elsewhere,
    /before its first/,
  ],
  [
    'record has other sizes of the directory',
    { ...place, size: 7, at: place.start + place.size },
    elsewhere,
    /before its first/,
  ],
  ['record lies elsewhere', { ...place, at: 1 }, elsewhere, /ZIP64/],
  ['record has another length', { ...place, recordBytes: 100 }, elsewhere, /ZIP64/],
  ['locator counts several parts', { ...place, disks: 2 }, elsewhere, /ZIP64/],
  ['record is in another part', { ...place, disk: 1 }, { ...elsewhere, disk: 0xffff }, /one part of several/],
  ['record contradicts the part of the plain one', { ...place, disk: 1 }, elsewhere, /ZIP64/],
  ['record has entries in another part', { ...place, countOnDisk: 0 }, elsewhere, /one part of several/],
] as const satisfies readonly (readonly [string, Zip64End, NonNullable<ArchiveOptions['end']>, RegExp])[]) {
  test(`whose ZIP64 ${what}`, refuses, buildZip([GOOD], { beforeEnd: zip64End(end), end: plain }), message);
}
test(
  'with a ZIP64 locator and no record',
  refuses,
  buildZip([GOOD], { beforeEnd: zip64End(place).subarray(56) }),
  /ZIP64/,
);
test(
  'with two ZIP64 records',
  refuses,
  buildZip([GOOD], {
    beforeEnd: Buffer.concat([zip64End(place), zip64End({ ...place, at: place.start + place.size + 76 })]),
  }),
  /before its first/,
);
test(
  'that is a ZIP64 locator',
  refuses,
  Buffer.concat([Buffer.from('PK'), zip64End(place).subarray(56), buildZip([])]),
  /ZIP64/,
);
for (const key of ['start', 'size'] as const) {
  test(
    `whose directory is said to be elsewhere by its ${key}`,
    refuses,
    buildZip([GOOD], { end: { [key]: 0xffffffff } }),
    /ZIP64/,
  );
}
for (const [what, central, message] of [
  ['a size that is elsewhere', { size: 0xffffffff }, /ZIP64/],
  [
    'a size that is elsewhere, beside a short field',
    { size: 0xffffffff, extra: extraField(1, Buffer.alloc(7)) },
    /ZIP64/,
  ],
  [
    'two values elsewhere and room for one',
    { size: 0xffffffff, headerOffset: 0xffffffff, extra: extraField(1, sizes64(1)) },
    /ZIP64/,
  ],
  [
    'another ZIP64 size than its local header',
    { size: 0xffffffff, compressedSize: 0xffffffff, extra: extraField(1, sizes64(2, 2)) },
    /two different ways|overlaps/,
  ],
  [
    'a ZIP64 size beyond numbers',
    { size: 0xffffffff, compressedSize: 0xffffffff, extra: extraField(1, Buffer.alloc(16, 255)) },
    /two different ways|overlaps/,
  ],
  [
    'a ZIP64 position beyond the file',
    { headerOffset: 0xffffffff, extra: extraField(1, sizes64(2 ** 60)) },
    /two different ways/,
  ],
  [
    'a ZIP64 position in another entry',
    { headerOffset: 0xffffffff, extra: extraField(1, sizes64(0)) },
    /overlaps|two different ways/,
  ],
  [
    'a ZIP64 part of the archive',
    { disk: 0xffff, extra: extraField(1, Buffer.from([1, 0, 0, 0])) },
    /another part/,
  ],
] as const satisfies readonly (readonly [string, HostileEntry['central'], RegExp])[]) {
  test(`whose entry has ${what}`, refuses, withEntry({ name: 'a', content: 'x', central }), message);
}
test('with no entries', refuses, buildZip([]), /no files/);
test('with folders only', refuses, buildZip([{ name: 'a/' }, { name: 'a/b/' }]), /no files/);
test(
  'with droppings only',
  refuses,
  buildZip([{ name: '__MACOSX/._a' }, { name: 'a/.DS_Store' }]),
  /no files/,
);
test('of more bytes than may be uploaded', refuses, Buffer.alloc(1_000_001, 'PK'), /1000001 bytes; 1000000/, {
  code: 'BUNDLE_TOO_LARGE',
});

// glambdar.json
for (const [what, content, message] of [
  ['that is not JSON', '{', /not valid JSON: it ends too early/],
  ['that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not valid JSON/],
  ['that is UTF-16', Buffer.from('\ufeff{}', 'utf16le'), /not valid JSON: it is not UTF-8/],
  ['that is an array', '[]', /not a JSON object/],
  ['that is null', 'null', /not a JSON object/],
  ['of more than 64 KiB', `{"a":"${'x'.repeat(65_536)}"}`, /65536 are allowed/],
  ['nested 30,000 deep', `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, /nested more than 32/],
] as const) {
  test(
    `with a glambdar.json ${what}`,
    refuses,
    buildZip([GOOD, { name: 'glambdar.json', content }]),
    message,
  );
}
test(
  'with a bad glambdar.json under its top folder',
  refuses,
  buildZip([{ name: 'fn/a' }, { name: 'fn/glambdar.json', content: '1' }]),
  /not a JSON object/,
);

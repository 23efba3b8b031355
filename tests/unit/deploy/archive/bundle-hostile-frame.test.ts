/** The frame of an archive: what is no whole, plain, single archive; and its config file. */
import test from 'ava';
import { buildZip } from '../../../helpers/hostile-zip.js';
import { GOOD, refuses, withEntry } from '../../../helpers/refuses-bundle.js';

// The frame
test('that is empty of bytes', refuses, Buffer.alloc(0), /not a whole zip/);
test('that is text', refuses, Buffer.from('hello, this is not a zip archive'), /not a zip archive/);
test('that is a gzip', refuses, Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), /not a zip archive/);
test('that was cut short', refuses, buildZip([GOOD]).subarray(0, -3), /its end is missing|cut short/);
test('that was cut in half', refuses, buildZip([GOOD]).subarray(0, 50), /its end is missing/);
test('with bytes after its end', refuses, buildZip([GOOD], { suffix: Buffer.from('x') }), /after its end/);
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
test('in ZIP64 format', refuses, buildZip([GOOD], { beforeEnd: zip64Locator() }), /ZIP64/);
test(
  'whose directory is said to be elsewhere by ZIP64',
  refuses,
  buildZip([GOOD], { end: { start: 0xffffffff } }),
  /ZIP64/,
);
test(
  'with a ZIP64 size',
  refuses,
  withEntry({ name: 'a', content: 'x', central: { size: 0xffffffff } }),
  /ZIP64/,
);
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
  ['that is not JSON', '{', /not valid JSON/],
  ['that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not valid JSON/],
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

function zip64Locator(): Buffer {
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  return locator;
}

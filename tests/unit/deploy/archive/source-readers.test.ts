/** The seam between archives of one format and everything that knows no format: a reader of the test's own. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { GlambdarError } from '../../../../src/errors.js';
import { extractHere } from '../../../../src/deploy/archive/bundle-extract.js';
import { readEntryName } from '../../../../src/deploy/archive/entry-names.js';
import { SOURCE_READERS } from '../../../../src/deploy/archive/readers/source-readers.js';
import type { SourceReader } from '../../../../src/deploy/archive/source-files.js';
import { buildZip } from '../../../helpers/hostile-zip.js';

/** Reads a format of nobody's: one line `<octal mode> <name> <content>` for each entry. It checks nothing. */
const readLines: SourceReader = (archive) => {
  const lines = archive.toString().split('\n');
  const entries = lines.map((line) => {
    const [mode, name, content] = line.split(' ') as [string, string, string];
    return { ...readEntryName(Buffer.from(name)), mode: parseInt(mode, 8), size: content.length, content };
  });
  return { entries, read: (entry: (typeof entries)[number]) => Buffer.from(entry.content) };
};
const readers = { ...SOURCE_READERS, lines: readLines };

async function extract(t: ExecutionContext, format: string, archive: string | Buffer) {
  const dir = fs.mkdtempSync(join(tmpdir(), 'glambdar-readers-'));
  t.teardown(() => fs.rmSync(dir, { recursive: true }));
  const targetDir = join(dir, 'target');
  fs.mkdirSync(targetDir);
  fs.writeFileSync(join(dir, 'archive'), archive);
  const limits = { maxArchiveBytes: 1_000, maxUnpackedBytes: 100, maxEntries: 8 };
  const bundle = await extractHere(
    { source: { format, path: join(dir, 'archive') }, targetDir, limits },
    readers,
  );
  const read = (path: string) => fs.readFileSync(join(targetDir, path), 'utf8');
  return { bundle, read, targetDir };
}

test('a format is one reader: its files are planned, written and digested like those of a zip', async (t) => {
  const { bundle, read, targetDir } = await extract(
    t,
    'lines',
    '644 fn/index.js code\n755 fn/bin/run #!\n0 fn/glambdar.json {"memoryMb":256}\n0 __MACOSX/x y',
  );
  t.is(read('index.js'), 'code');
  t.is(fs.statSync(join(targetDir, 'bin/run')).mode & 0o777, 0o755);
  t.deepEqual(bundle.config, { memoryMb: 256 });
  const zip = await extract(
    t,
    'zip',
    buildZip([
      { name: 'glambdar.json', content: '{"memoryMb":256}' },
      { name: 'bin/run', content: '#!', mode: 0o100755 },
      { name: 'index.js', content: 'code' },
    ]),
  );
  t.deepEqual(bundle, { ...zip.bundle, strippedFolder: 'fn' });
});

const refused: [what: string, archive: string, message: RegExp][] = [
  ['a path that leaves the target', '644 a x\n644 ../evil x', /has "\.\."/],
  ['an absolute path', '644 /etc/evil x', /absolute/],
  ['a name twice', '644 a x\n644 a y', /twice/],
  ['names that differ in case', '644 a x\n644 A y', /case or accents/],
  ['a symbolic link', '120777 l /etc/passwd', /symbolic link/],
  ['a device', '20666 d x', /device, pipe or socket/],
  ['a setuid file', '4755 s x', /setuid/],
  ['a folder with content', '0 d/ x', /folder with content/],
  ['a folder by its mode only', '40755 d x', /not by both/],
  [
    'nine entries',
    Array.from('abcdefghi', (name) => `0 ${name} x`).join('\n'),
    /too many files and folders; 8/,
  ],
  ['folders that are only implied', '0 a/b/c/d/e/f/g/h/i x', /too many files and folders; 8/],
  ['more bytes than allowed', `644 a ${'x'.repeat(101)}`, /more than 100 bytes/],
  [
    'an archive over the limit',
    `644 a ${'x'.repeat(1_000)}`,
    /1006 bytes; 1000 bytes are allowed\. .*GLAMBDAR_MAX_ZIP_MB/,
  ],
  ['a bad glambdar.json', '644 glambdar.json []', /not a JSON object/],
];

for (const [what, archive, message] of refused)
  test(`extractHere refuses ${what}, whatever the format`, async (t) => {
    const error = await t.throwsAsync(extract(t, 'lines', archive), { instanceOf: GlambdarError });
    t.regex(error.message, message);
  });

test('extractHere names a format that no reader knows', async (t) => {
  await t.throwsAsync(extract(t, 'rar', 'x'), { message: /no reader for archives of the format rar/ });
});

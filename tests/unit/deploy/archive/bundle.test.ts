/** What is extracted and where to. What is refused: bundle-hostile*.test.ts; the thread around it: bundle-thread.test.ts. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import AdmZip from 'adm-zip';
import { extractHere } from '../../../../src/deploy/archive/bundle-extract.js';
import { extractBundle } from '../../../../src/deploy/archive/bundle.js';
import { digestTree } from '../../../../src/registry/tree-digest.js';
import { buildZip, extraField, sizes64, type HostileEntry } from '../../../helpers/hostile-zip.js';

const limits = { maxArchiveBytes: 50_000_000, maxUnpackedBytes: 250_000_000, maxEntries: 20_000 };

function createJob(t: ExecutionContext, zip: Buffer) {
  const dir = fs.mkdtempSync(join(tmpdir(), 'glambdar-bundle-'));
  t.teardown(() => fs.rmSync(dir, { recursive: true }));
  fs.writeFileSync(join(dir, 'upload.zip'), zip);
  const source = { format: 'zip', path: join(dir, 'upload.zip') } as const;
  return { dir, source, targetDir: join(dir, 'target'), limits, timeoutMs: 30_000 };
}

/** Extracts in this thread; resolves to the result and to the paths in the target, directories with a slash. */
async function extract(t: ExecutionContext, zip: Buffer) {
  const job = createJob(t, zip);
  fs.mkdirSync(job.targetDir);
  const bundle = await extractHere(job);
  const paths = fs
    .readdirSync(job.targetDir, { recursive: true, withFileTypes: true })
    .map(
      (entry) =>
        join(entry.parentPath, entry.name).slice(job.targetDir.length + 1) + (entry.isDirectory() ? '/' : ''),
    );
  return { bundle, paths: paths.sort(), targetDir: job.targetDir };
}

const names = (...list: string[]): HostileEntry[] =>
  list.map((name) => ({ name, content: name.endsWith('/') ? '' : name }));

for (const [what, given, expected] of [
  ['keeps files at the root', ['index.js', 'lib/a.js'], ['index.js', 'lib/', 'lib/a.js']],
  ['strips one top folder', ['fn/index.js', 'fn/lib/a.js'], ['index.js', 'lib/', 'lib/a.js']],
  ['strips a top folder that is listed itself', ['fn/', 'fn/index.js'], ['index.js']],
  ['strips a top folder but not the next', ['a/b/index.js'], ['b/', 'b/index.js']],
  ['strips nothing beside a file at the root', ['fn/index.js', 'README'], ['README', 'fn/', 'fn/index.js']],
  ['strips nothing when there are two folders', ['a/x', 'b/x'], ['a/', 'a/x', 'b/', 'b/x']],
  ['strips nothing when a second folder is empty', ['a/x', 'b/'], ['a/', 'a/x', 'b/']],
  ['strips nothing from a file named like a folder', ['fn', 'fn2/x'], ['fn', 'fn2/', 'fn2/x']],
  [
    'ignores what macOS adds',
    ['fn/index.js', '__MACOSX/fn/._index.js', '.DS_Store', 'fn/.DS_Store'],
    ['index.js'],
  ],
  [
    'ignores what macOS adds, in whichever folder',
    ['fn/index.js', 'fn/__MACOSX/._index.js', 'fn/a/__MACOSX/', 'fn/a/b', '__MACOSX'],
    ['index.js', 'a/', 'a/b'],
  ],
  [
    'ignores what the tar of macOS puts beside files and folders',
    ['./', './._.', './._fn', './fn/', './fn/._index.js', './fn/index.js', './fn/._lib', './fn/lib/a.js'],
    ['index.js', 'lib/', 'lib/a.js'],
  ],
  [
    'takes "./" for nothing',
    ['./', './index.js', './lib/', '././lib/a.js'],
    ['index.js', 'lib/', 'lib/a.js'],
  ],
  ['strips one top folder behind "./"', ['./fn/index.js', 'fn/lib/a.js'], ['index.js', 'lib/', 'lib/a.js']],
  ['keeps empty folders', ['index.js', 'a/', 'b/c/'], ['index.js', 'a/', 'b/', 'b/c/']],
  [
    'keeps META-INF, which jar adds',
    ['META-INF/', 'META-INF/MANIFEST.MF', 'index.js'],
    ['META-INF/', 'META-INF/MANIFEST.MF', 'index.js'],
  ],
  [
    'keeps names that only resemble it',
    ['.DS_Store2', '__MACOSX2/x', 'a/x__MACOSX', '._alone', 'b._c', 'c', '__macosx'],
    ['.DS_Store2', '__MACOSX2/', '__MACOSX2/x', 'a/', 'a/x__MACOSX', '._alone', 'b._c', 'c', '__macosx'],
  ],
  [
    'keeps dots, spaces and Unicode',
    ['..a', 'b..', '...', ' c ', 'ünïcödé/日本.js', '𝒳'],
    ['..a', 'b..', '...', ' c ', 'ünïcödé/', 'ünïcödé/日本.js', '𝒳'],
  ],
  [
    'keeps names that are special to JavaScript',
    ['__proto__', 'constructor/x', 'toString'],
    ['__proto__', 'constructor/', 'constructor/x', 'toString'],
  ],
  ['keeps a part of 255 bytes', ['e'.repeat(255)], ['e'.repeat(255)]],
] as const) {
  test(`extractHere ${what}`, async (t) => {
    const { bundle, paths } = await extract(t, buildZip(names(...given)));
    t.deepEqual(paths, [...expected].sort());
    t.is(bundle.entries, expected.filter((path) => !path.endsWith('/')).length);
  });
}

for (const [what, zip] of [
  ['stored', buildZip([{ name: 'a', content: 'hello' }])],
  ['deflated', buildZip([{ name: 'a', content: 'hello', method: 8 }])],
  ['made without the UTF-8 flag', buildZip([{ name: 'a', content: 'hello', flags: 0 }])],
  ['filled with zeros', buildZip([{ name: 'a', content: 'hello' }], { suffix: Buffer.alloc(10_000) })],
  ['with a comment', buildZip([{ name: 'a', content: 'hello' }], { comment: Buffer.from('made by hand') })],
  [
    'written to a pipe',
    buildZip([
      {
        name: 'a',
        content: 'hello',
        method: 8,
        flags: 8,
        local: { crc: 0, size: 0, compressedSize: 0 },
        after: Buffer.alloc(16),
      },
    ]),
  ],
  [
    'with room for 64-bit sizes',
    buildZip([
      {
        name: 'a',
        content: 'hello',
        local: { size: 0xffffffff, compressedSize: 0xffffffff, extra: extraField(1, sizes64(5, 5)) },
      },
    ]),
  ],
] as const) {
  test(`extractHere reads an archive ${what}`, async (t) => {
    const { bundle, targetDir } = await extract(t, zip);
    t.is(fs.readFileSync(join(targetDir, 'a'), 'utf8'), 'hello');
    t.like(bundle, { sizeBytes: 5, entries: 1, config: undefined });
  });
}

test.serial('extractBundle sets the modes, whatever the archive and the umask say', async (t) => {
  const umask = process.umask(0o077);
  t.teardown(() => process.umask(umask));
  const entries: HostileEntry[] = [
    { name: 'private', content: 'x', mode: 0o100400 },
    { name: 'world', content: 'x', mode: 0o100666 },
    { name: 'run', content: 'x', mode: 0o100701 },
    { name: 'dir/', mode: 0o040700 },
    { name: 'implied/none', content: 'x' },
  ];
  const job = createJob(t, buildZip(entries));
  await extractBundle(job);
  const mode = (path: string) => (fs.statSync(join(job.targetDir, path)).mode & 0o7777).toString(8);
  t.deepEqual(['private', 'world', 'run', 'implied/none'].map(mode), ['644', '644', '755', '644']);
  t.deepEqual(['', 'dir', 'implied'].map(mode), ['755', '755', '755']);
});

test('extractBundle gives the digest that digestTree gives, and the parsed config', async (t) => {
  const zip = new AdmZip();
  zip.addFile('fn/glambdar.json', Buffer.from('{"memoryMb":256,"__proto__":1}'));
  zip.addFile('fn/bin/run', Buffer.from('#!'), '', 0o755);
  zip.addFile('fn/empty', Buffer.alloc(0));
  const job = createJob(t, zip.toBuffer());
  const { config, digest, sizeBytes, entries } = await extractBundle(job);
  t.deepEqual(await digestTree(job.targetDir), { digest, sizeBytes, files: entries });
  t.is(entries, 3);
  t.deepEqual(Object.entries(config as object), [
    ['memoryMb', 256],
    ['__proto__', 1],
  ]);
});

test('extractHere gives one digest for one content, however it is packed', async (t) => {
  const first = await extract(t, buildZip(names('a/x', 'a/y')));
  const second = await extract(
    t,
    buildZip([
      { name: 'y', content: 'a/y', method: 8 },
      { name: 'x', content: 'a/x' },
    ]),
  );
  t.is(first.bundle.digest, second.bundle.digest);
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  t.is(first.bundle.digest, `sha256:${sha256(`644 x\0${sha256('a/x')}\n644 y\0${sha256('a/y')}\n`)}`);
});

test('extractHere takes no more than a few times longer for deep names than for flat ones', async (t) => {
  const cpuOf = async (prefix: string) => {
    const files = Array.from({ length: 2_000 }, (_, i) => ({ name: `${prefix}f${i}` }));
    const job = createJob(t, buildZip([{ name: 'glambdar.json', content: 'not JSON' }, ...files]));
    const before = process.cpuUsage().user;
    // Refused after its directory was read and before a file is written: no other test runs in between.
    await t.throwsAsync(extractHere(job), { code: 'INVALID_BUNDLE' });
    return process.cpuUsage().user - before;
  };
  await cpuOf('');
  const flat = await cpuOf('');
  const deep = await cpuOf('a/'.repeat(240));
  t.true(deep < 3 * flat, `${deep} µs against ${flat} µs`);
});

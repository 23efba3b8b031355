/** What holds for every archive, whatever its names and bytes. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { GlambdarError } from '../../../../src/errors.js';
import { extractHere, type ExtractedBundle } from '../../../../src/deploy/archive/bundle-extract.js';
import { digestTree } from '../../../../src/registry/tree-digest.js';
import {
  buildZip,
  directoryOf,
  extraField,
  sizes64,
  zip64End,
  type HostileEntry,
} from '../../../helpers/hostile-zip.js';

const limits = { maxArchiveBytes: 100_000, maxUnpackedBytes: 100_000, maxEntries: 100 };

/** Extracts each archive into a fresh target; resolves to the bundle and every path below the directory around the target. */
function createExtract(t: ExecutionContext) {
  const dir = fs.mkdtempSync(join(tmpdir(), 'glambdar-property-'));
  t.teardown(() => fs.rmSync(dir, { recursive: true }));
  return async (
    zip: Buffer,
  ): Promise<{ bundle: ExtractedBundle | GlambdarError; paths: string[]; content(path: string): Buffer }> => {
    fs.rmSync(dir, { recursive: true });
    const targetDir = join(dir, 'outer', 'target');
    fs.mkdirSync(targetDir, { recursive: true });
    const zipPath = join(dir, 'zip');
    fs.writeFileSync(zipPath, zip);
    const bundle = await extractHere({ source: { format: 'zip', path: zipPath }, targetDir, limits }).catch(
      (error: unknown) => {
        if (error instanceof GlambdarError) return error;
        throw error;
      },
    );
    const entries = fs.readdirSync(dir, { recursive: true, withFileTypes: true });
    if (entries.some((entry) => !entry.isFile() && !entry.isDirectory()))
      throw new Error('neither file nor directory');
    if (!(bundle instanceof GlambdarError) && (await digestTree(targetDir)).digest !== bundle.digest) {
      throw new Error('another digest on disk');
    }
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
      .filter((path) => path !== 'zip');
    return { bundle, paths, content: (path) => fs.readFileSync(join(targetDir, path)) };
  };
}

const segment = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'A', 'é', 'e\u0301', 'index.js') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '.', '..', '...', 'C:', '\\', '~', '__MACOSX', '.DS_Store', '__proto__'),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
);
const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
const archive = fc.array(
  fc.record({ name, content: fc.uint8Array({ maxLength: 20 }), method: fc.constantFrom(0, 8) }),
  {
    minLength: 1,
    maxLength: 5,
  },
);

test('extractHere refuses an archive, or writes exactly the files it names, all inside the target', async (t) => {
  const extract = createExtract(t);
  let extracted = 0;
  const property = fc.asyncProperty(archive, async (entries) => {
    const { bundle, paths, content } = await extract(
      buildZip(entries.map((entry) => ({ ...entry, content: Buffer.from(entry.content) }))),
    );
    if (bundle instanceof GlambdarError) return paths.every((path) => path.startsWith('outer/target/'));
    extracted++;
    const named = entries.map((entry) => ({ ...entry, name: entry.name.replace(/^(\.\/)+/, '') }));
    const kept = named.filter(
      (entry) =>
        entry.name !== '' &&
        !/(^|\/)(__MACOSX(\/|$)|\.DS_Store$)/.test(entry.name) &&
        !entry.name.endsWith('/'),
    );
    const written = paths.map((path) => path.slice('outer/target/'.length)).sort();
    const full = kept.map((entry) => entry.name).sort();
    const top = full[0]!.split('/', 1)[0]! + '/';
    const stripped = full.map((path) => path.slice(top.length));
    const same = JSON.stringify(written) === JSON.stringify(full);
    if (!same && JSON.stringify(written) !== JSON.stringify(stripped)) return false;
    return kept.every((entry) =>
      content(same ? entry.name : entry.name.slice(top.length)).equals(entry.content),
    );
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 150 }));
  t.true(extracted > 5, `${extracted} of 150 were good archives`);
});

const plain: HostileEntry[] = [
  { name: 'index.js', content: 'module.exports = async () => 1', method: 8, mode: 0o100644 },
  { name: 'lib/', mode: 0o040755 },
  { name: 'lib/stored.txt', content: 'stored', mode: 0o100755 },
  { name: 'glambdar.json', content: '{"memoryMb":256}', method: 8, flags: 8 },
];
const elsewhere = { size: 0xffffffff, compressedSize: 0xffffffff, extra: extraField(1, sizes64(1, 1)) };
const large: HostileEntry[] = [...plain, { name: 'a', content: 'x', central: elsewhere, local: elsewhere }];
const zip64 = buildZip(large, {
  beforeEnd: zip64End(directoryOf(buildZip(large))),
  end: { count: 0xffff, diskCount: 0xffff, size: 0xffffffff, start: 0xffffffff },
});

for (const [what, good] of [
  ['an archive', buildZip(plain)],
  ['a ZIP64 archive', zip64],
] as const)
  test(`extractHere ends well or with a GlambdarError, inside the target, whatever bytes of ${what} are changed`, async (t) => {
    const extract = createExtract(t);
    t.false((await extract(good)).bundle instanceof GlambdarError);
    const change = fc.record({
      at: fc.nat(good.length - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
    });
    const changes = fc.array(change, { minLength: 1, maxLength: 4 });
    const cut = fc.option(fc.nat(good.length), { freq: 9 });
    const property = fc.asyncProperty(changes, cut, async (list, length) => {
      const bytes = Buffer.from(good);
      for (const { at, bytes: patch } of list) bytes.set(patch.subarray(0, good.length - at), at);
      const { paths } = await extract(length === null ? bytes : bytes.subarray(0, length));
      return paths.every((path) => path.startsWith('outer/target/'));
    });
    await t.notThrowsAsync(fc.assert(property, { numRuns: 500 }));
  });

test('extractHere refuses whatever is no archive', async (t) => {
  const extract = createExtract(t);
  const property = fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
    const { bundle, paths } = await extract(Buffer.concat([Buffer.from('PK'), bytes]));
    return bundle instanceof GlambdarError && paths.length === 0;
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 300 }));
});

import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { digestTree } from '../../../src/registry/tree-digest.js';
import { fsyncDir, linkTree, removeTree } from '../../../src/registry/tree.js';

/** A directory of its own with a `source` tree in it. */
function createTree(t: ExecutionContext) {
  const dir = fs.mkdtempSync(join(tmpdir(), 'glambdar-tree-'));
  t.teardown(() => fs.rmSync(dir, { recursive: true }));
  const source = join(dir, 'source');
  fs.mkdirSync(join(source, 'lib', 'deep'), { recursive: true });
  fs.mkdirSync(join(source, 'empty'));
  fs.writeFileSync(join(source, 'index.js'), 'one');
  fs.writeFileSync(join(source, 'lib', 'deep', 'run.sh'), 'two');
  fs.chmodSync(join(source, 'index.js'), 0o644);
  fs.chmodSync(join(source, 'lib', 'deep', 'run.sh'), 0o755);
  return { dir, source, target: join(dir, 'target') };
}

function refuseLinks(code: string) {
  return {
    link() {
      throw Object.assign(new Error(code), { code });
    },
  };
}

const modeOf = (path: string) => fs.statSync(path).mode & 0o7777;

test.serial('linkTree links files and makes directories anyone can enter, whatever the umask', async (t) => {
  const { source, target } = createTree(t);
  const umask = process.umask(0o077);
  t.teardown(() => process.umask(umask));
  await linkTree(source, target);
  t.is(fs.statSync(join(target, 'lib/deep/run.sh')).ino, fs.statSync(join(source, 'lib/deep/run.sh')).ino);
  for (const directory of ['', 'lib', 'lib/deep', 'empty']) t.is(modeOf(join(target, directory)), 0o755);
  t.deepEqual(await digestTree(target), await digestTree(source));
});

for (const code of ['EXDEV', 'EPERM', 'EMLINK']) {
  test(`linkTree copies with the same modes when a link is refused with ${code}`, async (t) => {
    const { source, target } = createTree(t);
    await linkTree(source, target, refuseLinks(code));
    t.not(fs.statSync(join(target, 'index.js')).ino, fs.statSync(join(source, 'index.js')).ino);
    t.is(modeOf(join(target, 'index.js')), 0o644);
    t.is(modeOf(join(target, 'lib/deep/run.sh')), 0o755);
    t.deepEqual(await digestTree(target), await digestTree(source));
  });
}

test('linkTree leaves nothing behind when the file system fails', async (t) => {
  const { dir, source, target } = createTree(t);
  await t.throwsAsync(linkTree(source, target, refuseLinks('ENOSPC')), { code: 'ENOSPC' });
  t.deepEqual(fs.readdirSync(dir), ['source']);
});

test('linkTree refuses a target that exists and leaves it alone', async (t) => {
  const { source, target } = createTree(t);
  fs.mkdirSync(target);
  fs.writeFileSync(join(target, 'kept'), '');
  await t.throwsAsync(linkTree(source, target), { code: 'EEXIST' });
  t.deepEqual(fs.readdirSync(target), ['kept']);
});

test('linkTree refuses a tree with a symbolic link in it', async (t) => {
  const { source, target } = createTree(t);
  fs.symlinkSync('/', join(source, 'lib', 'root'));
  await t.throwsAsync(linkTree(source, target), { message: /neither a file nor a directory/ });
  t.false(fs.existsSync(target));
});

test('linkTree refuses a source that is a symbolic link', async (t) => {
  const { dir, source, target } = createTree(t);
  fs.symlinkSync(source, join(dir, 'alias'));
  await t.throwsAsync(linkTree(join(dir, 'alias'), target), { code: 'ENOTDIR' });
  t.false(fs.existsSync(target));
});

test('linkTree and removeTree let other work run in between when a tree is big', async (t) => {
  const { dir, target } = createTree(t);
  const big = join(dir, 'big');
  for (let d = 0; d < 20; d++) {
    fs.mkdirSync(join(big, `${d}`), { recursive: true });
    for (let f = 0; f < 100; f++) fs.writeFileSync(join(big, `${d}`, `${f}`), '');
  }
  let turns = 0;
  const count = () => {
    turns++;
    handle = setImmediate(count);
  };
  let handle = setImmediate(count);
  t.teardown(() => clearImmediate(handle));
  await linkTree(big, target);
  t.true(turns > 3, `${turns} turns while linking 2,000 files`);
  t.is((await digestTree(target)).files, 2_000);
  turns = 0;
  await removeTree(target);
  t.true(turns > 3, `${turns} turns while removing 2,000 files`);
  t.false(fs.existsSync(target));
});

test('removeTree removes links, not what they point to', async (t) => {
  const { dir, source } = createTree(t);
  const doomed = join(dir, 'doomed');
  fs.mkdirSync(doomed);
  fs.symlinkSync(source, join(doomed, 'alias'));
  fs.symlinkSync('nowhere', join(doomed, 'dangling'));
  await removeTree(doomed);
  t.deepEqual(fs.readdirSync(dir), ['source']);
  t.is(fs.readFileSync(join(source, 'index.js'), 'utf8'), 'one');
});

test('removeTree may be called for what is not there', async (t) => {
  const { dir } = createTree(t);
  await t.notThrowsAsync(removeTree(join(dir, 'nowhere')));
});

test('removeTree refuses to go through a symbolic link', async (t) => {
  const { dir, source } = createTree(t);
  fs.symlinkSync(source, join(dir, 'alias'));
  await t.throwsAsync(removeTree(join(dir, 'alias')), { code: 'ENOTDIR' });
  t.true(fs.existsSync(join(source, 'index.js')));
});

test('fsyncDir resolves for a directory and fails for what is none', async (t) => {
  const { source } = createTree(t);
  await t.notThrowsAsync(fsyncDir(source));
  await t.throwsAsync(fsyncDir(join(source, 'index.js')), { code: 'ENOTDIR' });
});

test('digestTree changes with a byte, a name, an x bit, a new file, and only with these', async (t) => {
  const { source } = createTree(t);
  const index = join(source, 'index.js');
  const before = await digestTree(source);
  t.like(before, { sizeBytes: 6, files: 2 });

  fs.utimesSync(index, 1, 1);
  fs.chmodSync(index, 0o600);
  t.deepEqual(await digestTree(source), before);

  const changed = async () => (await digestTree(source)).digest;
  fs.writeFileSync(index, 'onf');
  t.not(await changed(), before.digest);
  fs.writeFileSync(index, 'one');
  fs.chmodSync(index, 0o755);
  t.not(await changed(), before.digest);
  fs.chmodSync(index, 0o644);
  fs.renameSync(index, join(source, 'index.mjs'));
  t.not(await changed(), before.digest);
  fs.renameSync(join(source, 'index.mjs'), index);
  fs.writeFileSync(join(source, 'empty', 'new'), '');
  t.not(await changed(), before.digest);
  fs.rmSync(join(source, 'empty', 'new'));
  t.is(await changed(), before.digest);
});

for (const [what, alter] of [
  ['a symbolic link', (source: string) => fs.symlinkSync('index.js', join(source, 'alias'))],
  ['a setuid file', (source: string) => fs.chmodSync(join(source, 'index.js'), 0o4755)],
  ['no directory at all', (source: string) => fs.rmSync(source, { recursive: true })],
] as const) {
  test(`digestTree refuses a tree with ${what}`, async (t) => {
    const { source } = createTree(t);
    alter(source);
    await t.throwsAsync(digestTree(source), { code: 'CODE_UNAVAILABLE' });
    fs.mkdirSync(source, { recursive: true });
  });
}

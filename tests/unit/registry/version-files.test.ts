import fs from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { VersionFiles } from '../../../src/registry/version-files.js';
import type { Sidecar } from '../../../src/data/sidecar.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';
import { settings, version } from '../store/builders.js';

function setUp(t: ExecutionContext) {
  const dir = temporaryDirectory(t);
  const [functionsDir, tmpDir] = [join(dir, 'functions'), join(dir, 'tmp')];
  fs.mkdirSync(functionsDir);
  fs.mkdirSync(tmpDir);
  const files = new VersionFiles(functionsDir, tmpDir);
  const stage = (content: string): string => {
    const staged = files.stagingPath();
    fs.mkdirSync(staged);
    fs.writeFileSync(join(staged, 'index.js'), content);
    return staged;
  };
  const publish = (name: string, number: number) =>
    files.publish(stage(`${name} ${number}`), sidecar(name, number));
  /** What lies below functions/, directories with a slash. */
  const found = () =>
    fs
      .readdirSync(functionsDir, { recursive: true, withFileTypes: true })
      .map(
        (entry) =>
          join(entry.parentPath, entry.name).slice(functionsDir.length + 1) +
          (entry.isDirectory() ? '/' : ''),
      )
      .sort();
  return { files, functionsDir, tmpDir, publish, stage, found };
}

function sidecar(name: string, number: number): Sidecar {
  return { version: version(name, number), settings, createdAt: 1, updatedAt: number };
}

test('a published version stands at its place with its sidecar and nothing in staging', async (t) => {
  const { files, functionsDir, tmpDir, publish, found } = setUp(t);
  await publish('f', 1);
  await publish('f', 2);
  t.deepEqual(found(), ['f/', 'f/1.json', 'f/1/', 'f/1/index.js', 'f/2.json', 'f/2/', 'f/2/index.js']);
  t.is(files.path('f', 2), join(functionsDir, 'f/2'));
  t.is(fs.readFileSync(join(functionsDir, 'f/2/index.js'), 'utf8'), 'f 2');
  t.deepEqual(JSON.parse(fs.readFileSync(join(functionsDir, 'f/2.json'), 'utf8')), sidecar('f', 2));
  t.is(fs.statSync(join(functionsDir, 'f')).mode & 0o777, 0o755);
  t.is(fs.statSync(join(functionsDir, 'f/2.json')).mode & 0o777, 0o600);
  t.deepEqual(fs.readdirSync(tmpDir), []);
  t.true(await files.exists('f', 1));
  t.false(await files.exists('f', 3));
  t.is(await files.highest('f'), 2);
  t.is(await files.highest('g'), 0);
});

test('a sidecar is replaced whole', async (t) => {
  const { files, functionsDir, tmpDir, publish } = setUp(t);
  await publish('f', 1);
  await files.writeSidecar({ ...sidecar('f', 1), updatedAt: 77 });
  t.like(JSON.parse(fs.readFileSync(join(functionsDir, 'f/1.json'), 'utf8')), { updatedAt: 77 });
  t.deepEqual(fs.readdirSync(tmpDir), []);
});

test('a name that is taken by a file is refused and the file stays', async (t) => {
  const { files, functionsDir, publish } = setUp(t);
  fs.writeFileSync(join(functionsDir, 'README.md'), 'hello');
  const error = await t.throwsAsync(publish('README.md', 1));
  t.like(error, { code: 'INVALID_NAME', status: 400 });
  t.is(await files.highest('README.md'), 0);
  t.false(await files.exists('README.md', 1));
  t.is(fs.readFileSync(join(functionsDir, 'README.md'), 'utf8'), 'hello');
});

test('the number of a version that stands there already is not published over', async (t) => {
  const { functionsDir, publish } = setUp(t);
  await publish('f', 1);
  await t.throwsAsync(publish('f', 1));
  t.is(fs.readFileSync(join(functionsDir, 'f/1/index.js'), 'utf8'), 'f 1');
});

test('removing versions leaves the others, and no directory when none is left', async (t) => {
  const { files, tmpDir, publish, found } = setUp(t);
  for (const number of [1, 2, 3]) await publish('f', number);
  await files.remove('f', [1, 3, 9]);
  t.deepEqual(found(), ['f/', 'f/2.json', 'f/2/', 'f/2/index.js']);
  await files.remove('f', [2]);
  t.deepEqual(found(), []);
  await t.notThrowsAsync(files.remove('f', [2]));
  t.deepEqual(fs.readdirSync(tmpDir), []);
});

test('reconciling removes what is half made or forgotten and nothing else', async (t) => {
  const { files, functionsDir, tmpDir, publish, found } = setUp(t);
  for (const number of [1, 2, 3]) await publish('f', number);
  await publish('gone', 1);
  const put = (path: string): void => {
    fs.mkdirSync(join(functionsDir, path, '..'), { recursive: true });
    fs.writeFileSync(join(functionsDir, path), '');
  };
  fs.mkdirSync(join(functionsDir, 'empty'));
  fs.rmSync(join(functionsDir, 'f/2.json'));
  for (const path of [
    'half/1.json',
    'old/7/index.js',
    'README.md',
    'notes/todo.txt',
    'f/notes.txt',
    'f/01/x',
    '.git/1/x',
    '.git/HEAD',
    'my notes/2024/x',
  ])
    put(path);
  const removed = await files.reconcile((name, number) => name === 'f' && number === 1);
  t.deepEqual(removed.sort(), ['f@2', 'f@3', 'gone@1', 'half@1', 'old@7']);
  t.deepEqual(found(), [
    '.git/',
    '.git/1/',
    '.git/1/x',
    '.git/HEAD',
    'README.md',
    'f/',
    'f/01/',
    'f/01/x',
    'f/1.json',
    'f/1/',
    'f/1/index.js',
    'f/notes.txt',
    'my notes/',
    'my notes/2024/',
    'my notes/2024/x',
    'notes/',
    'notes/todo.txt',
  ]);
  t.deepEqual(fs.readdirSync(tmpDir), []);
  t.deepEqual(await files.reconcile((name, number) => name === 'f' && number === 1), []);
});

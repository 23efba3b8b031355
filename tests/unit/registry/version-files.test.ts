import fs from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { VersionFiles } from '../../../src/registry/version-files.js';
import { readSidecar } from '../../../src/data/sidecar.js';
import type { FunctionRef } from '../../../src/model/function/ref.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';
import { record, refOf } from '../store/builders.js';

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
  const publish = (name: string, number: number, ref: FunctionRef = refOf(name)) =>
    files.publish(stage(`${name} ${number}`), record(name, number, { ref }));
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

test('a published version stands at its place with its sidecar and nothing in staging', async (t) => {
  const { files, functionsDir, tmpDir, publish, found } = setUp(t);
  await publish('f', 1);
  await publish('f', 2);
  t.deepEqual(found(), ['f/', 'f/1.json', 'f/1/', 'f/1/index.js', 'f/2.json', 'f/2/', 'f/2/index.js']);
  t.is(files.path(refOf('f'), 2), join(functionsDir, 'f/2'));
  t.is(fs.readFileSync(join(functionsDir, 'f/2/index.js'), 'utf8'), 'f 2');
  t.deepEqual(readSidecar(functionsDir, refOf('f'), 2), { isEarlier: false, record: record('f', 2) });
  t.is(fs.statSync(join(functionsDir, 'f')).mode & 0o777, 0o755);
  t.is(fs.statSync(join(functionsDir, 'f/2.json')).mode & 0o777, 0o600);
  t.deepEqual(fs.readdirSync(tmpDir), []);
  t.true(await files.exists(refOf('f'), 1));
  t.false(await files.exists(refOf('f'), 3));
  t.is(files.highest(refOf('f')), 2);
  t.is(files.highest(refOf('g')), 0);
});

test('a sidecar is replaced whole', async (t) => {
  const { files, functionsDir, tmpDir, publish } = setUp(t);
  await publish('f', 1);
  await files.writeSidecar(record('f', 1, { updatedAt: 77 }));
  t.like(JSON.parse(fs.readFileSync(join(functionsDir, 'f/1.json'), 'utf8')), { updatedAt: 77 });
  t.deepEqual(fs.readdirSync(tmpDir), []);
});

test('a name that is taken by a file is refused and the file stays', async (t) => {
  const { files, functionsDir, publish } = setUp(t);
  fs.writeFileSync(join(functionsDir, 'README.md'), 'hello');
  const error = await t.throwsAsync(publish('README.md', 1));
  t.like(error, { code: 'INVALID_NAME', status: 400 });
  t.is(files.highest(refOf('README.md')), 0);
  t.false(await files.exists(refOf('README.md'), 1));
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
  await files.remove(refOf('f'), [1, 3, 9]);
  t.deepEqual(found(), ['f/', 'f/2.json', 'f/2/', 'f/2/index.js']);
  await files.remove(refOf('f'), [2]);
  t.deepEqual(found(), []);
  await t.notThrowsAsync(files.remove(refOf('f'), [2]));
  t.deepEqual(fs.readdirSync(tmpDir), []);
});

test('a function of another namespace lies below it, and takes its directory with it', async (t) => {
  const { files, publish, found } = setUp(t);
  const ref = refOf('f', 'team');
  await publish('f', 1, ref);
  t.deepEqual(found(), ['@team/', '@team/f/', '@team/f/1.json', '@team/f/1/', '@team/f/1/index.js']);
  await publish('f', 7);
  t.deepEqual([files.highest(ref), files.highest(refOf('f'))], [1, 7]);
  t.deepEqual(files.list(), [
    { ref: refOf('f'), version: 7 },
    { ref, version: 1 },
  ]);
  await files.remove(ref, [1]);
  t.deepEqual(found(), ['f/', 'f/7.json', 'f/7/', 'f/7/index.js']);
});

test('what is not named like a function or a version is not listed', async (t) => {
  const { files, functionsDir, publish } = setUp(t);
  await publish('f', 1);
  for (const path of [
    'README.md',
    'notes/todo.txt',
    'f/notes.txt',
    'f/01/x',
    '.git/1/x',
    'my notes/1/x',
    '@/1/x',
  ]) {
    fs.mkdirSync(join(functionsDir, path, '..'), { recursive: true });
    fs.writeFileSync(join(functionsDir, path), '');
  }
  fs.writeFileSync(join(functionsDir, 'f/3.json'), '');
  t.deepEqual(files.list(), [
    { ref: refOf('f'), version: 3 },
    { ref: refOf('f'), version: 1 },
  ]);
});

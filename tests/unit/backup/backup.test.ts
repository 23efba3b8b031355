import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fileFault } from '../../../src/backup/file-fault.js';
import { makeBackup } from '../../../src/backup/make-backup.js';
import { restoreBackup } from '../../../src/backup/restore-backup.js';
import { SqliteCallStore } from '../../../src/store/sqlite/calls/sqlite-call-store.js';
import { SqliteFunctionStore } from '../../../src/store/sqlite/functions/sqlite-function-store.js';
import { publication } from '../store/builders.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

const noneRestored = () => ({ functions: [], lost: [] });

interface Server {
  dir: string;
  store: SqliteFunctionStore;
}

/** A directory as a running server has it: both databases open, and one function `hello` with one version. */
async function makeServer(t: ExecutionContext): Promise<Server> {
  const dir = join(temporaryDirectory(t), 'dir');
  mkdirSync(join(dir, 'functions'), { recursive: true });
  const store = new SqliteFunctionStore({ dir, readRestored: noneRestored });
  const calls = new SqliteCallStore({ dir });
  t.teardown(async () => {
    await store.close();
    await calls.close();
  });
  await publish({ dir, store }, 'hello', 1);
  return { dir, store };
}

async function publish({ dir, store }: Server, name: string, version: number): Promise<void> {
  const code = join(dir, 'functions', name, `${version}`);
  mkdirSync(join(code, 'lib'), { recursive: true });
  writeFileSync(join(code, 'index.js'), `version ${version}`, { mode: 0o644 });
  writeFileSync(join(code, 'lib/empty'), '', { mode: 0o755 });
  writeFileSync(`${code}.json`, '{}');
  await store.publish(publication(name, version));
}

test('a backup has functions, code with its modes, and keys, and goes into an empty directory', async (t) => {
  const server = await makeServer(t);
  writeFileSync(join(server.dir, 'secrets.key'), 'key', { mode: 0o600 });
  writeFileSync(join(server.dir, 'identity.json'), '{}');
  const file = join(server.dir, '../b.tgz');
  t.deepEqual(await makeBackup({ dir: server.dir, file }), { functions: 1 });
  t.is(statSync(file).mode & 0o777, 0o600);
  t.deepEqual(readdirSync(join(server.dir, 'tmp')), []);

  const restored = join(server.dir, '../restored');
  t.like(await restoreBackup({ file, dir: restored }), { format: 1, functions: 1 });
  t.deepEqual(readdirSync(restored).sort(), ['functions', 'glambdar.db', 'invocations.db', 'secrets.key']);
  const code = join(restored, 'functions/hello/1');
  t.is(readFileSync(join(code, 'index.js'), 'utf8'), 'version 1');
  t.is(statSync(join(code, 'lib/empty')).mode & 0o777, 0o755);
  t.is(statSync(join(restored, 'secrets.key')).mode & 0o777, 0o600);
  const store = new SqliteFunctionStore({ dir: restored, readRestored: noneRestored });
  t.is(store.recovered, null);
  t.deepEqual(await store.list(), await server.store.list());
  await store.close();
});

test('a version that is replaced while the backup is made is taken in its new form', async (t) => {
  const server = await makeServer(t);
  const file = join(server.dir, '../b.tgz');
  let times = 0;
  await makeBackup({
    dir: server.dir,
    file,
    onSnapshot: async () => {
      times += 1;
      if (times > 1) return;
      await publish(server, 'hello', 2);
      rmSync(join(server.dir, 'functions/hello/1'), { recursive: true });
    },
  });
  t.is(times, 2);
  const dir = join(server.dir, '../restored');
  await restoreBackup({ file, dir });
  t.is(readFileSync(join(dir, 'functions/hello/2/index.js'), 'utf8'), 'version 2');
});

test('a backup of a function without its code fails with a sentence, and keeps the older backup', async (t) => {
  const server = await makeServer(t);
  const file = join(server.dir, '../b.tgz');
  writeFileSync(file, 'older');
  renameSync(join(server.dir, 'functions/hello/1'), join(server.dir, 'gone'));
  await t.throwsAsync(makeBackup({ dir: server.dir, file }), { message: /function hello is missing/ });
  t.is(readFileSync(file, 'utf8'), 'older');
  t.false(existsSync(`${file}.part`));
  t.deepEqual(readdirSync(join(server.dir, 'tmp')), []);
});

test('a file that cannot be written or read is a sentence for the operator', async (t) => {
  const { dir } = await makeServer(t);
  const error = await t.throwsAsync(makeBackup({ dir, file: '/nowhere/x.tgz' }));
  t.is(fileFault(error), 'There is no folder /nowhere.');
  const folder = temporaryDirectory(t);
  const missing = await t.throwsAsync(
    restoreBackup({ file: join(folder, 'x.tgz'), dir: join(folder, 'new') }),
  );
  t.is(fileFault(missing), `There is no file ${join(folder, 'x.tgz')}.`);
  t.is(fileFault(new Error('x')), null);
  t.is(fileFault(Object.assign(new Error('x'), { code: 'EXDEV', path: '/a' })), null);
});

test('a directory that is no server’s cannot be backed up', async (t) => {
  const dir = temporaryDirectory(t);
  await t.throwsAsync(makeBackup({ dir, file: join(dir, 'b.tgz') }), { message: /holds no glambdar\.db/ });
  t.deepEqual(readdirSync(dir), []);
});

test('a backup is not restored into a directory that has something in it', async (t) => {
  const server = await makeServer(t);
  const file = join(server.dir, '../b.tgz');
  await makeBackup({ dir: server.dir, file });
  await t.throwsAsync(restoreBackup({ file, dir: server.dir }), { message: /is not empty/ });
});

test('a file that is no backup, or not all of one, is refused', async (t) => {
  const server = await makeServer(t);
  const root = join(server.dir, '..');
  const file = join(root, 'b.tgz');
  await makeBackup({ dir: server.dir, file });
  truncateSync(file, statSync(file).size - 100);
  await t.throwsAsync(restoreBackup({ file, dir: join(root, 'r1') }), { message: /not a whole backup/ });
  writeFileSync(file, 'text');
  await t.throwsAsync(restoreBackup({ file, dir: join(root, 'r2') }), { message: /not a whole backup/ });
  execFileSync('tar', ['-C', root, '-czf', file, 'dir/functions']);
  await t.throwsAsync(restoreBackup({ file, dir: join(root, 'r3') }), { message: /not a whole backup/ });
});

test('a backup that ends in the middle of a file is refused like any other, and nothing else fails', async (t) => {
  const server = await makeServer(t);
  // More than the streams on the way hold, so that the end comes while the file is being written.
  writeFileSync(join(server.dir, 'functions/hello/1/large.bin'), randomBytes(4 * 2 ** 20));
  const file = join(server.dir, '../b.tgz');
  await makeBackup({ dir: server.dir, file });
  truncateSync(file, 2 * 2 ** 20);
  const unhandled: unknown[] = [];
  const note = (error: unknown): unknown => unhandled.push(error);
  process.on('unhandledRejection', note);
  t.teardown(() => process.off('unhandledRejection', note));
  await t.throwsAsync(restoreBackup({ file, dir: join(server.dir, '../r') }), {
    message: /not a whole backup/,
  });
  t.deepEqual(unhandled, []);
});

test('an archive whose note is no note of a backup is refused', async (t) => {
  const root = temporaryDirectory(t);
  const file = join(root, 'b.tgz');
  for (const text of ['null', '{}', '{"format":"1"}']) {
    writeFileSync(join(root, 'glambdar-backup.json'), text);
    execFileSync('tar', ['-C', root, '-czf', file, 'glambdar-backup.json']);
    await t.throwsAsync(
      restoreBackup({ file, dir: join(root, 'r') }),
      { message: /not a whole backup/ },
      text,
    );
  }
});

test('a backup whose names lead out of the directory, or that holds links, is refused', async (t) => {
  const root = temporaryDirectory(t);
  const note = '{"format":1,"madeAt":"","functions":0}';
  writeFileSync(join(root, 'glambdar-backup.json'), note);
  writeFileSync(join(root, 'evil'), 'evil');
  execFileSync('ln', ['-s', '/etc/passwd', join(root, 'link')]);
  const file = join(root, 'b.tgz');
  const tar = (...args: string[]) =>
    execFileSync('tar', ['-C', root, '-P', '-czf', file, 'glambdar-backup.json', ...args]);
  tar('--transform=s,^evil,../evil2,', 'evil');
  await t.throwsAsync(restoreBackup({ file, dir: join(root, 'r1') }), { message: /names a file outside/ });
  t.false(existsSync(join(root, 'evil2')));
  tar('link');
  await t.throwsAsync(restoreBackup({ file, dir: join(root, 'r2') }), {
    message: /neither a file nor a directory/,
  });
});

import test, { type ExecutionContext } from 'ava';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openDataDirectory } from '../../../src/data/data-directory.js';
import { StartupError } from '../../../src/model/startup-error.js';
import { SqliteCallStore } from '../../../src/store/sqlite/calls/sqlite-call-store.js';
import { SqliteFunctionStore } from '../../../src/store/sqlite/functions/sqlite-function-store.js';
import { lockFile } from '../../../src/store/sqlite/lock-file.js';
import { call, publication } from '../store/builders.js';
import { command, start } from '../store/sqlite/children/child.js';
import { temporaryDirectory } from '../store/temporary.js';

const noBallast = { lockFile, reserve: { ballastBytes: 0 } };

test('a new directory is made with all its parts, private ones for the owner only', (t) => {
  const umask = process.umask(0o077);
  t.teardown(() => process.umask(umask));
  const dir = join(realpathSync(temporaryDirectory(t)), 'deep', 'data');
  const data = openDataDirectory(dir, { lockFile, reserve: { ballastBytes: 100_000 } });
  t.teardown(() => data.close());
  t.like(data, {
    path: dir,
    functionsDir: join(dir, 'functions'),
    runDir: join(dir, 'run'),
    tmpDir: join(dir, 'tmp'),
  });
  t.regex(data.id, /^[0-9a-f]{16}$/);
  const modes = [data.functionsDir, data.runDir, data.tmpDir].map((path) => statSync(path).mode & 0o7777);
  t.deepEqual(modes, [0o755, 0o700, 0o700]);
  t.is(statSync(join(dir, 'reserve.bin')).size, 100_000);
  t.true(data.reserve.held);
});

test('run/ and tmp/ are emptied and closed to others at open, functions/ is left as it is', (t) => {
  const dir = temporaryDirectory(t);
  const outside = temporaryDirectory(t);
  writeFileSync(join(outside, 'precious'), 'x');
  for (const part of ['run/slot/function', 'tmp/staging', 'functions/f/1'])
    mkdirSync(join(dir, part), { recursive: true });
  for (const file of ['run/slot/s', 'tmp/.hidden', 'functions/README.md'])
    writeFileSync(join(dir, file), 'x');
  symlinkSync(outside, join(dir, 'run', 'link'));
  chmodSync(join(dir, 'run'), 0o777);
  const data = openDataDirectory(dir, noBallast);
  t.teardown(() => data.close());
  t.deepEqual([readdirSync(data.runDir), readdirSync(data.tmpDir)], [[], []]);
  t.is(statSync(data.runDir).mode & 0o777, 0o700);
  t.deepEqual(readdirSync(data.functionsDir), ['README.md', 'f']);
  t.true(existsSync(join(outside, 'precious')));
});

test('the id stays when a directory is opened again or renamed, and is new in a copy', (t) => {
  const base = temporaryDirectory(t);
  const open = (name: string): string => {
    const data = openDataDirectory(join(base, name), noBallast);
    data.close();
    return data.id;
  };
  const id = open('a');
  t.is(open('a'), id);
  renameSync(join(base, 'a'), join(base, 'b'));
  t.is(open('b'), id);
  cpSync(join(base, 'b'), join(base, 'c'), { recursive: true, preserveTimestamps: true });
  const copied = open('c');
  t.not(copied, id);
  t.is(open('c'), copied);
  t.is(open('b'), id);
});

test('an identity that cannot be read is replaced', (t) => {
  const dir = temporaryDirectory(t);
  for (const content of ['', '{', 'null', '{"id":"../../x"}', '{"id":"0123456789abcdef"}']) {
    writeFileSync(join(dir, 'identity.json'), content);
    const data = openDataDirectory(dir, noBallast);
    data.close();
    t.regex(data.id, /^[0-9a-f]{16}$/);
    t.not(data.id, '0123456789abcdef');
    t.is((JSON.parse(readFileSync(join(dir, 'identity.json'), 'utf8')) as { id: string }).id, data.id);
  }
});

test('a directory in use is refused, in this process too, and what the other one keeps in it is not touched', (t) => {
  const dir = temporaryDirectory(t);
  const data = openDataDirectory(dir, noBallast);
  writeFileSync(join(data.runDir, 'slot'), '');
  const sentence = `another Glambdar server is using ${data.path}; stop it or choose another GLAMBDAR_DIR`;
  t.throws(() => openDataDirectory(dir, noBallast), { instanceOf: StartupError, message: sentence });
  const [executable, ...args] = command('holder.ts', dir) as [string, ...string[]];
  const other = spawnSync(executable, args, { input: '' });
  t.is(other.stdout.toString(), `StartupError: ${sentence}\n`);
  t.is(other.status, 1);
  t.deepEqual(readdirSync(data.runDir), ['slot']);
  data.close();
  data.close();
  openDataDirectory(dir, noBallast).close();
});

test('the lock of a server that was killed is gone with it', async (t) => {
  const dir = temporaryDirectory(t);
  const { process: child, lines } = start(t, 'holder.ts', dir);
  const first = await lines.next();
  t.regex(String(first.value), /^OPEN [0-9a-f]{16}$/);
  t.throws(() => openDataDirectory(dir, noBallast), { message: /another Glambdar server/ });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  const data = openDataDirectory(dir, noBallast);
  t.is(`OPEN ${data.id}`, first.value);
  data.close();
});

for (const part of ['functions', 'run', 'tmp']) {
  test(`a symlink in place of ${part}/ is refused and nothing behind it is touched`, (t) => {
    const dir = temporaryDirectory(t);
    const outside = temporaryDirectory(t);
    writeFileSync(join(outside, 'precious'), 'x');
    symlinkSync(outside, join(dir, part));
    t.throws(() => openDataDirectory(dir, noBallast), { instanceOf: StartupError, message: /is a symlink/ });
    t.deepEqual(readdirSync(outside), ['precious']);
    rmSync(join(dir, part));
    openDataDirectory(dir, noBallast).close(); // the refusal gave the lock back
  });

  test(`a file in place of ${part}/ is refused`, (t) => {
    const dir = temporaryDirectory(t);
    writeFileSync(join(dir, part), 'x');
    t.throws(() => openDataDirectory(dir, noBallast), {
      instanceOf: StartupError,
      message: /is not a directory/,
    });
  });
}

test('the directory itself may be reached through a symlink', (t) => {
  const base = realpathSync(temporaryDirectory(t));
  mkdirSync(join(base, 'real'));
  symlinkSync(join(base, 'real'), join(base, 'link'));
  const data = openDataDirectory(join(base, 'link'), noBallast);
  t.is(data.path, join(base, 'real'));
  data.close();
});

test('a file in place of the directory is a sentence, not a stack', (t) => {
  const base = temporaryDirectory(t);
  writeFileSync(join(base, 'file'), 'x');
  for (const dir of ['file', 'file/below']) {
    const error = t.throws(() => openDataDirectory(join(base, dir), noBallast), { instanceOf: StartupError });
    t.regex(error.message, /^GLAMBDAR_DIR cannot be used: .+ is not a directory\.$/);
  }
});

const asNobody = process.getuid?.() === 0 ? test : test.skip; // only root can become another user

asNobody('a directory that may not be written is a sentence, not a stack (as another user)', (t) => {
  const base = temporaryDirectory(t);
  chmodSync(base, 0o755);
  mkdirSync(join(base, 'data'), { mode: 0o755 });
  const source = (path: string): string =>
    JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
  const script = `
    import { openDataDirectory } from ${source('data/data-directory.ts')};
    import { lockFile } from ${source('store/sqlite/lock-file.ts')};
    process.setgid(65534); process.setuid(65534);
    try { openDataDirectory(${JSON.stringify(join(base, 'data'))}, { lockFile, reserve: { ballastBytes: 0 } }); } catch (error) { console.log(error.name + ': ' + error.message); }
  `;
  const run = spawnSync(process.execPath, ['--import=tsx', '--input-type=module', '-e', script]);
  t.regex(
    run.stdout.toString(),
    /^StartupError: GLAMBDAR_DIR cannot be used: .+ is not writable for this user\.\n$/,
  );
});

/** A path of so many bytes below a directory of the test's own, of ordinary names. */
function pathOf(t: ExecutionContext, bytes: number): string {
  let path = realpathSync(temporaryDirectory(t));
  while (bytes - path.length > 1) path = join(path, 'x'.repeat(Math.min(100, bytes - path.length - 1)));
  return path;
}

test('a directory with the longest path that is allowed holds the databases', async (t) => {
  const dir = pathOf(t, 470);
  t.is(Buffer.byteLength(dir), 470);
  const data = openDataDirectory(dir, noBallast);
  const functions = new SqliteFunctionStore({ dir, readRestored: () => ({ functions: [], lost: [] }) });
  writeFileSync(join(dir, 'invocations-999999999.db'), '');
  const calls = new SqliteCallStore({ dir });
  await functions.publish(publication('f'));
  await calls.append([call('1', 'f')], new Map(), 10);
  t.is((await functions.list()).length, 1);
  await functions.close();
  await calls.close();
  data.close();
});

test('a directory with a longer path is refused with one sentence that says the limit', (t) => {
  for (const bytes of [471, 490]) {
    const refused = t.throws(() => openDataDirectory(pathOf(t, bytes), noBallast), {
      instanceOf: StartupError,
    });
    t.is(
      refused.message,
      `the path of GLAMBDAR_DIR is ${bytes} bytes long, and at most 470 are possible; choose a shorter one.`,
    );
  }
});

test('garbage in the lock file, which holds no data, does not keep the server from starting', (t) => {
  const dir = temporaryDirectory(t);
  writeFileSync(join(dir, 'lock.db'), 'garbage'.repeat(1_000));
  const data = openDataDirectory(dir, noBallast);
  t.throws(() => openDataDirectory(dir, noBallast), { message: /another Glambdar server/ });
  data.close();
});

test('a directory in place of the lock file is a sentence, not a stack', (t) => {
  const dir = temporaryDirectory(t);
  mkdirSync(join(dir, 'lock.db'));
  const error = t.throws(() => openDataDirectory(dir, noBallast), { instanceOf: StartupError });
  t.regex(error.message, /^GLAMBDAR_DIR cannot be used: .+\.$/);
});

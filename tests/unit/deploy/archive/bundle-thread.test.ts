/** How the thread that extracts ends, well or badly, and what it leaves behind. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { GlambdarError } from '../../../../src/errors.js';
import { extractBundle } from '../../../../src/deploy/archive/bundle.js';
import { digestTree } from '../../../../src/registry/tree-digest.js';
import { namedDiskError } from '../../../../src/data/disk-error.js';
import { buildZip } from '../../../helpers/hostile-zip.js';

const limits = { maxArchiveBytes: 50_000_000, maxUnpackedBytes: 250_000_000, maxEntries: 20_000 };

function createJob(t: ExecutionContext, zip: Buffer) {
  const dir = fs.mkdtempSync(join(tmpdir(), 'glambdar-bundle-'));
  t.teardown(() => fs.rmSync(dir, { recursive: true }));
  fs.writeFileSync(join(dir, 'upload.zip'), zip);
  const source = { format: 'zip', path: join(dir, 'upload.zip') } as const;
  return { dir, source, targetDir: join(dir, 'target'), limits, timeoutMs: 30_000 };
}

const SMALL = buildZip([{ name: 'a', content: 'a' }]);

test('extractBundle writes many files in several threads', async (t) => {
  const job = createJob(
    t,
    buildZip(Array.from({ length: 700 }, (_, i) => ({ name: `${i % 7}/${i}`, content: `${i}` }))),
  );
  const { digest } = await extractBundle(job);
  t.like(await digestTree(job.targetDir), { digest, files: 700 });
});

test('extractBundle leaves no target after a refusal', async (t) => {
  const job = createJob(
    t,
    buildZip([
      { name: 'a', content: 'x' },
      { name: 'b', content: 'x', central: { crc: 1 }, local: { crc: 1 } },
    ]),
  );
  const error = await t.throwsAsync(extractBundle(job), {
    instanceOf: GlambdarError,
    code: 'INVALID_BUNDLE',
  });
  t.regex(error.message, /"b" is damaged/);
  t.deepEqual(fs.readdirSync(job.dir), ['upload.zip']);
});

test('extractBundle refuses a target that exists and leaves it alone', async (t) => {
  const job = createJob(t, SMALL);
  fs.mkdirSync(job.targetDir);
  fs.writeFileSync(join(job.targetDir, 'kept'), '');
  await t.throwsAsync(extractBundle(job), { code: 'EEXIST' });
  t.deepEqual(fs.readdirSync(job.targetDir), ['kept']);
});

test('extractBundle refuses an archive that is a symbolic link', async (t) => {
  const job = createJob(t, SMALL);
  const alias = join(job.dir, 'alias.zip');
  fs.symlinkSync(job.source.path, alias);
  await t.throwsAsync(extractBundle({ ...job, source: { format: 'zip', path: alias } }), { code: 'ELOOP' });
  t.false(fs.existsSync(job.targetDir));
});

// Serial tests run before the others, so that the threads counted are its own.
test.serial('extractBundle has ended its thread once it rejects', async (t) => {
  const threads = () => fs.readdirSync('/proc/self/task').length;
  await t.throwsAsync(extractBundle({ ...createJob(t, Buffer.from('no zip')) }), { code: 'INVALID_BUNDLE' });
  const before = threads();
  const job = createJob(t, buildZip([{ name: 'zeros', content: Buffer.alloc(100_000_000), method: 8 }]));
  await t.throwsAsync(extractBundle({ ...job, timeoutMs: 1 }), { code: 'INVALID_BUNDLE' });
  t.is(threads(), before);
});

test('extractBundle ends with CANCELLED when the signal is aborted before it starts', async (t) => {
  const job = createJob(t, SMALL);
  await t.throwsAsync(extractBundle({ ...job, signal: AbortSignal.abort() }), { code: 'CANCELLED' });
  t.deepEqual(fs.readdirSync(job.dir), ['upload.zip']);
});

test('extractBundle stops with the reason of the signal when it is aborted on the way', async (t) => {
  const job = createJob(
    t,
    buildZip(Array.from({ length: 2_000 }, (_, i) => ({ name: `${i}`, content: 'x' }))),
  );
  const controller = new AbortController();
  const stopping = new GlambdarError('STOPPING', 'The server is stopping.');
  const extraction = t.throwsAsync(extractBundle({ ...job, signal: controller.signal }));
  while (!fs.existsSync(join(job.targetDir, '10'))) await nextTurn();
  controller.abort(stopping);
  t.is(await extraction, stopping);
  t.deepEqual(fs.readdirSync(job.dir), ['upload.zip']);
});

test('extractBundle stops and leaves nothing when its time is over', async (t) => {
  const job = createJob(t, SMALL);
  const error = await t.throwsAsync(extractBundle({ ...job, timeoutMs: 1 }), { code: 'INVALID_BUNDLE' });
  t.regex(error.message, /within 0\.001 s/);
  t.deepEqual(fs.readdirSync(job.dir), ['upload.zip']);
});

test('extractBundle leaves the event loop free while it unpacks 60 MB', async (t) => {
  const job = createJob(t, buildZip([{ name: 'zeros', content: Buffer.alloc(60_000_000), method: 8 }]));
  let turns = 0;
  const count = () => {
    turns++;
    handle = setImmediate(count);
  };
  let handle = setImmediate(count);
  t.teardown(() => clearImmediate(handle));
  await extractBundle(job);
  t.true(turns > 100, `${turns} turns`);
});

test('namedDiskError makes DISK_FULL of the errors about space, and of no others', (t) => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EROFS']) {
    const cause = Object.assign(new Error('/secret/path'), { code });
    const error = namedDiskError(cause) as GlambdarError;
    t.is(error.code, 'DISK_FULL');
    t.is(error.cause, cause);
    t.notRegex(error.message, /secret/);
  }
  const other = Object.assign(new Error('io'), { code: 'EIO' });
  t.is(namedDiskError(other), other);
  t.is(namedDiskError(undefined), undefined);
});

import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import AdmZip from 'adm-zip';
import test, { type ExecutionContext } from 'ava';
import { readRestored } from '../../../src/data/sidecar.js';
import { GlambdarError, type ErrorCode } from '../../../src/errors.js';
import { StoreError } from '../../../src/model/store-error.js';
import { f, RegistryFixture } from '../../helpers/registry-fixture.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

/** `f` with so many versions of different code: `code 1` is that of version 1. */
async function withVersions(t: ExecutionContext, count: number): Promise<RegistryFixture> {
  const fixture = new RegistryFixture(t);
  for (let number = 1; number <= count; number++) await fixture.deploy(`code ${number}`);
  return fixture;
}

async function refused(
  t: ExecutionContext,
  work: Promise<unknown>,
  code: ErrorCode,
  message: RegExp,
): Promise<GlambdarError> {
  const error = await t.throwsAsync(work, { instanceOf: GlambdarError });
  t.is(error.code, code, error.message);
  t.regex(error.message, message);
  return error;
}

const numbers = async ({ registry }: RegistryFixture): Promise<[number, boolean][]> =>
  (await registry.versions(f)).map(({ version, active }) => [version, active]);

test('the versions are those that are kept, newest first, with the active one marked', async (t) => {
  const fixture = await withVersions(t, 7);
  t.deepEqual(await numbers(fixture), [
    [7, true],
    [6, false],
    [5, false],
    [4, false],
    [3, false],
  ]);
  const [newest] = await fixture.registry.versions(f);
  const { digest, sizeBytes, createdAt } = fixture.registry.record(f).active;
  t.deepEqual(newest, {
    version: 7,
    digest,
    deployedAt: new Date(createdAt).toISOString(),
    sizeBytes,
    active: true,
    source: { type: 'bundle', runtime: 'node' },
  });
  await refused(t, fixture.registry.versions({ ...f, name: 'g' }), 'FUNCTION_NOT_FOUND', /not found/);
});

test('a rollback makes the code of a version active, after its load check, and retires the other', async (t) => {
  const fixture = await withVersions(t, 3);
  const { active } = fixture.registry.record(f);
  const result = await fixture.pipeline.rollback(f, 1);
  t.deepEqual(result, { function: 'f', version: 1, digest: fixture.registry.record(f).active.digest });
  t.not(result.digest, active.digest);
  t.deepEqual(fixture.checked.at(-1), { version: 1, files: ['index.js'] });
  t.is(fixture.retired.at(-1), 'f@3');
  t.is(fixture.active.at(-1)?.version, 1);
  t.deepEqual(await fixture.stored(), fixture.registry.record(f));
  t.deepEqual(fixture.versions(), [1, 2, 3], 'no file goes, and none comes');
  const target = join(temporaryDirectory(t), 'copy');
  await fixture.registry.copyCode(fixture.registry.record(f), target);
  t.is(readFileSync(join(target, 'index.js'), 'utf8'), 'code 1');
});

test('a rollback to the active version changes nothing', async (t) => {
  const fixture = await withVersions(t, 2);
  const before = fixture.registry.record(f);
  t.is((await fixture.pipeline.rollback(f, 2)).version, 2);
  t.is(fixture.registry.record(f), before);
  t.is(fixture.checked.length, 2);
});

test('settings that belong to a version go back with it, and the others stay', async (t) => {
  const fixture = await withVersions(t, 1);
  await fixture.pipeline.configure(f, { memoryMb: 256, env: { A: '2' }, timeoutMs: 5_000 });
  await fixture.pipeline.configure(f, { timeoutMs: 9_000 });
  await fixture.pipeline.rollback(f, 1);
  t.like(fixture.registry.record(f).settings, { memoryMb: 128, env: {}, timeoutMs: 9_000 });
  await fixture.pipeline.rollback(f, 2);
  t.like(fixture.registry.record(f).settings, { memoryMb: 256, env: { A: '2' }, timeoutMs: 9_000 });
});

test('a deploy after a rollback gets a new number, and what is kept are the newest five', async (t) => {
  const fixture = await withVersions(t, 5);
  await fixture.pipeline.rollback(f, 1);
  t.is((await fixture.deploy('code 6')).version, 6);
  t.deepEqual(await numbers(fixture), [
    [6, true],
    [5, false],
    [4, false],
    [3, false],
    [2, false],
  ]);
  await fixture.registry.inTurn(f, () => Promise.resolve());
  t.deepEqual(fixture.versions(), [2, 3, 4, 5, 6]);
});

test('a version that is not kept is refused with those that are', async (t) => {
  const fixture = await withVersions(t, 7);
  const error = await refused(
    t,
    fixture.pipeline.rollback(f, 2),
    'VERSION_NOT_FOUND',
    /no version 2; kept are 7, 6, 5, 4, 3,/,
  );
  t.deepEqual(error.details, { versions: [7, 6, 5, 4, 3] });
  await refused(t, fixture.pipeline.rollback({ ...f, name: 'g' }, 1), 'FUNCTION_NOT_FOUND', /not found/);
});

test('a version of an earlier life of the name is no version of the function', async (t) => {
  const fixture = await withVersions(t, 3);
  await fixture.registry.remove(f);
  await fixture.deploy('new life');
  await refused(t, fixture.pipeline.rollback(f, 3), 'VERSION_NOT_FOUND', /kept are 1,/);
});

test('code that does not load any more, was altered, or has no readable record leaves the active version', async (t) => {
  const fixture = await withVersions(t, 3);
  const before = fixture.registry.record(f);
  fixture.loadFailures.push(new GlambdarError('LOAD_FAILED', 'It does not load.'));
  await refused(t, fixture.pipeline.rollback(f, 2), 'LOAD_FAILED', /does not load/);
  writeFileSync(join(fixture.functionsDir, 'f/2/index.js'), 'altered');
  await refused(t, fixture.pipeline.rollback(f, 2), 'CODE_UNAVAILABLE', /altered/);
  rmSync(join(fixture.functionsDir, 'f/1.json'));
  await refused(
    t,
    fixture.pipeline.rollback(f, 1),
    'CODE_UNAVAILABLE',
    /settings of version 1 of "f" cannot be read/,
  );
  t.is(fixture.registry.record(f), before);
  t.deepEqual(await fixture.stored(), before);
  t.deepEqual(fixture.retired, ['f@1', 'f@2']);
});

test('a store that fails leaves the active version, and lets the checked instance go', async (t) => {
  const fixture = await withVersions(t, 2);
  const before = fixture.registry.record(f);
  fixture.store.activate = async () => {
    throw new StoreError('full', { full: true });
  };
  await refused(t, fixture.pipeline.rollback(f, 1), 'DISK_FULL', /full/);
  t.deepEqual(fixture.discarded, [1]);
  t.is(fixture.registry.record(f), before);
});

test('deploys and rollbacks of one function take turns, in the order in which they came', async (t) => {
  const fixture = await withVersions(t, 2);
  const rounds = Array.from({ length: 5 }, (_, index) =>
    index % 2 === 0 ? fixture.pipeline.rollback(f, 1) : fixture.pipeline.rollback(f, 2),
  );
  const deployed = fixture.deploy('code 3');
  await Promise.all([...rounds, deployed]);
  t.deepEqual(
    fixture.active
      .slice(2)
      .map(({ version }) => version)
      .sort(),
    [1, 1, 1, 2, 2, 3],
  );
  t.deepEqual(await fixture.stored(), fixture.registry.record(f));
  t.true((await numbers(fixture)).filter(([, active]) => active).length === 1);
});

test('after a rollback a restart serves the version, also when the store was lost', async (t) => {
  const fixture = await withVersions(t, 3);
  await fixture.pipeline.rollback(f, 2);
  const record = fixture.registry.record(f);
  await fixture.restart();
  t.deepEqual(fixture.registry.record(f), record);
  const { functions, lost } = readRestored(fixture.functionsDir);
  t.deepEqual(lost, []);
  t.deepEqual(
    functions.map((restored) => restored.record),
    [record],
  );
  t.deepEqual(
    functions[0]!.versions.map(({ version }) => version),
    [3, 2, 1],
  );
  await fixture.deploy('code 4');
  t.is(readRestored(fixture.functionsDir).functions[0]!.record.active.version, 4);
});

test('a crash between the commit and the record beside the code is made good by the next start', async (t) => {
  const fixture = await withVersions(t, 3);
  const sidecar = join(fixture.functionsDir, 'f/2.json');
  const before = readFileSync(sidecar, 'utf8');
  await fixture.pipeline.rollback(f, 2);
  writeFileSync(sidecar, before);
  await fixture.restart();
  t.deepEqual(readRestored(fixture.functionsDir).functions[0]!.record, fixture.registry.record(f));
});

test('a clock that goes back does not put a change before an earlier one', async (t) => {
  const fixture = await withVersions(t, 2);
  const { now } = Date;
  t.teardown(() => (Date.now = now));
  Date.now = () => 1_000;
  await fixture.pipeline.rollback(f, 1);
  t.is(readRestored(fixture.functionsDir).functions[0]!.record.active.version, 1);
  await fixture.deploy('code 3');
  t.is(readRestored(fixture.functionsDir).functions[0]!.record.active.version, 3);
});

test('an image goes back to its digest of before, unless that image is gone', async (t) => {
  const fixture = new RegistryFixture(t);
  const [first, second] = [`sha256:${'ab'.repeat(32)}`, `sha256:${'cd'.repeat(32)}`];
  const deploy = async (digest: string): Promise<unknown> => {
    fixture.images.set('image', { digest, sizeBytes: 1, ports: [] });
    return fixture.pipeline.deployImage({ ref: f, image: 'image', settings: {} });
  };
  await deploy(first);
  await deploy(second);
  await refused(t, fixture.pipeline.rollback(f, 1), 'IMAGE_UNAVAILABLE', /no such image/);
  fixture.images.set('before', { digest: first, sizeBytes: 1, ports: [] });
  await fixture.pipeline.rollback(f, 1);
  t.is(fixture.registry.record(f).active.digest, first);
  await fixture.deploy('code');
  t.is(fixture.registry.record(f).settings.contract, 'glambdar');
  await fixture.pipeline.rollback(f, 1);
  t.is(fixture.registry.record(f).settings.contract, 'go-serverless');
  await refused(
    t,
    fixture.pipeline.code(f),
    'INVALID_REQUEST',
    /is the image image: its code is in the image/,
  );
});

test('the code of a version is a zip with its files and their modes, whose deploy has the same digest', async (t) => {
  const fixture = new RegistryFixture(t);
  const zip = new AdmZip();
  const modes: Record<string, number> = {
    'index.js': 0o644,
    'bin/run.sh': 0o755,
    'data/ä €.txt': 0o644,
    'empty.txt': 0o644,
  };
  for (const [name, mode] of Object.entries(modes))
    zip.addFile(name, Buffer.from(name === 'empty.txt' ? '' : `content of ${name} `.repeat(5_000)), '', mode);
  const path = join(temporaryDirectory(t), 'f.zip');
  writeFileSync(path, zip.toBuffer());
  const deploy = () =>
    fixture.pipeline.deploy({
      source: { format: 'zip', path },
      ref: f,
      fields: {},
      signal: new AbortController().signal,
    });
  const { digest } = await deploy();
  await fixture.deploy('code 2');
  const { version, stream } = await fixture.pipeline.code(f, 1);
  t.is(version, 1);
  const bytes = await buffer(stream);
  const entries = new AdmZip(bytes).getEntries().filter((entry) => !entry.isDirectory);
  t.deepEqual(
    Object.fromEntries(entries.map(({ entryName, attr }) => [entryName, (attr >>> 16) & 0o777])),
    modes,
  );
  for (const { entryName } of entries)
    t.is(statSync(join(fixture.functionsDir, 'f/1', entryName)).mode & 0o777, modes[entryName]!);
  writeFileSync(path, bytes);
  t.is((await deploy()).digest, digest);
  t.is((await fixture.pipeline.code(f)).version, 3);
});

test('the files of a version stay while its code is being read, and no longer', async (t) => {
  const fixture = await withVersions(t, 5);
  const { stream } = await fixture.pipeline.code(f, 1);
  await fixture.deploy('code 6');
  await fixture.registry.inTurn(f, () => Promise.resolve());
  await fixture.registry.inTurn(f, () => Promise.resolve());
  t.deepEqual(fixture.versions(), [1, 2, 3, 4, 5, 6]);
  await refused(t, fixture.pipeline.code(f, 1), 'VERSION_NOT_FOUND', /no version 1/);
  t.is(new AdmZip(await buffer(stream)).readAsText('index.js'), 'code 1');
  await fixture.registry.inTurn(f, () => Promise.resolve());
  await fixture.registry.inTurn(f, () => Promise.resolve());
  t.deepEqual(fixture.versions(), [2, 3, 4, 5, 6]);
  const { stream: left } = await fixture.pipeline.code(f, 2);
  await fixture.deploy('code 7');
  const closed = new Promise((resolve) => left.once('close', resolve));
  left.destroy();
  await closed;
  await fixture.registry.inTurn(f, () => Promise.resolve());
  await fixture.registry.inTurn(f, () => Promise.resolve());
  t.deepEqual(fixture.versions(), [3, 4, 5, 6, 7]);
});

test('code that was altered on disk is not given out', async (t) => {
  const fixture = await withVersions(t, 2);
  fixture.clock.move(20);
  await setImmediate();
  writeFileSync(join(fixture.functionsDir, 'f/1/index.js'), 'altered');
  await refused(t, fixture.pipeline.code(f, 1), 'CODE_UNAVAILABLE', /altered/);
});

test('a version with the network bridge comes back only for somebody who may give it', async (t) => {
  const fixture = await withVersions(t, 1);
  await fixture.pipeline.configure(f, { network: 'bridge' }, { mayBridge: true });
  await fixture.pipeline.configure(f, { network: 'none' });
  await refused(t, fixture.pipeline.rollback(f, 2), 'FORBIDDEN', /bridge/);
  t.is((await fixture.pipeline.rollback(f, 2, { mayBridge: true })).version, 2);
});

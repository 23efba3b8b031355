import fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { StoreError } from '../../../src/model/store-error.js';
import { until } from '../../helpers/pool-fixture.js';
import { f, RegistryFixture } from '../../helpers/registry-fixture.js';
import { call, idOf, publication, refOf } from '../store/builders.js';

test('five versions are kept, and older ones go when nobody uses them', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  const lease = fixture.registry.lease(f);
  const { id } = lease.record;
  for (const memoryMb of [65, 66, 67, 68, 69, 70]) await fixture.again(memoryMb);
  await until(() => !fixture.versions().includes(2));
  t.deepEqual(fixture.versions(), [1, 3, 4, 5, 6, 7], 'the first is still leased');
  t.deepEqual(
    (await fixture.store.listVersions(id)).map(({ version }) => version),
    [7, 6, 5, 4, 3],
  );
  const target = join(fixture.tmpDir, 'copy');
  await fixture.registry.copyCode(lease.record, target);
  t.is(fs.readFileSync(join(target, 'index.js'), 'utf8'), 'one');
  lease.release();
  await until(() => !fixture.versions().includes(1));
  t.deepEqual(fixture.versions(), [3, 4, 5, 6, 7]);
});

test('a removed function is gone at once and its files when nobody uses them', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  await fixture.deploy('other', {}, undefined, refOf('g'));
  const lease = fixture.registry.lease(f);
  await fixture.registry.remove(f);
  t.throws(() => fixture.registry.get(f), { code: 'FUNCTION_NOT_FOUND' } as never);
  t.throws(() => fixture.registry.lease(f), { code: 'FUNCTION_NOT_FOUND' } as never);
  t.is(fixture.registry.counters(lease.record.id), undefined);
  t.is(await fixture.stored(), undefined);
  t.deepEqual(fixture.retired, ['f@1']);
  t.deepEqual(fixture.versions(), [1], 'the call under way finishes first');
  await t.throwsAsync(fixture.registry.remove(f), { code: 'FUNCTION_NOT_FOUND' } as never);
  t.like(await fixture.deploy('new'), { version: 2 }, 'no number in use comes again');
  lease.release();
  await until(() => !fixture.versions().includes(1));
  await fixture.registry.remove(f);
  t.deepEqual(fs.readdirSync(fixture.functionsDir), ['g']);
  t.like(await fixture.deploy('new'), { version: 1 });
});

test('of two removals at once one succeeds', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  const results = await Promise.allSettled([fixture.registry.remove(f), fixture.registry.remove(f)]);
  t.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('a removal that the store refuses leaves the function whole', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  fixture.store.remove = async () => {
    throw new StoreError('database or disk is full', { full: true });
  };
  await t.throwsAsync(fixture.registry.remove(f), { code: 'DISK_FULL' } as never);
  t.is(fixture.registry.get(f).version, 1);
  t.deepEqual(fixture.versions(), [1]);
});

test('a start reads the store and removes what a crash left on disk', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  const { id } = fixture.registry.record(f);
  await fixture.calls.append([], new Map([[id, { invokeCount: 7, errorCount: 2, lastInvokedAt: 1_000 }]]), 1);
  // What the registry does before it puts files in their place.
  await fixture.store.doom([
    { ref: f, version: 2 },
    { ref: refOf('half'), version: 1 },
  ]);
  for (const path of ['f/2', 'half/1']) fs.mkdirSync(join(fixture.functionsDir, path), { recursive: true });
  fs.writeFileSync(join(fixture.functionsDir, 'f/2.json'), '{}');
  await fixture.restart();
  t.like(fixture.registry.get(f), {
    version: 1,
    invokeCount: 7,
    errorCount: 2,
    lastInvokedAt: '1970-01-01T00:00:01.000Z',
  });
  t.deepEqual(fs.readdirSync(fixture.functionsDir), ['f']);
  t.deepEqual(fs.readdirSync(join(fixture.functionsDir, 'f')).sort(), ['1', '1.json']);
  t.like(await fixture.deploy('two'), { version: 2 });
});

test('a function whose code is missing is listed, refused in calls and whole after a deploy', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  fs.rmSync(join(fixture.functionsDir, 'f/1'), { recursive: true });
  await fixture.restart();
  const { record } = fixture.registry.lease(f);
  const error = await t.throwsAsync(fixture.registry.copyCode(record, join(fixture.tmpDir, 'x')));
  t.like(error, { code: 'CODE_UNAVAILABLE', status: 503 });
  t.notRegex(error?.message ?? '', /\//);
  const { version } = await fixture.deploy('two');
  t.true(version > 1);
  await t.notThrowsAsync(
    fixture.registry.copyCode(fixture.registry.lease(f).record, join(fixture.tmpDir, 'x')),
  );
});

test('altered code is never served, before and after a restart', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  await fixture.restart();
  fs.writeFileSync(join(fixture.functionsDir, 'f/1/index.js'), 'two');
  const { record } = fixture.registry.lease(f);
  const copy = () => fixture.registry.copyCode(record, join(fixture.tmpDir, 'x'));
  await t.throwsAsync(copy(), { code: 'CODE_UNAVAILABLE' } as never);
  fs.writeFileSync(join(fixture.functionsDir, 'f/1/index.js'), 'one');
  await t.throwsAsync(copy(), { code: 'CODE_UNAVAILABLE' } as never, 'for good');
  await t.throwsAsync(fixture.pipeline.configure(f, { memoryMb: 64 }), {
    code: 'CODE_UNAVAILABLE',
  } as never);
  t.deepEqual(fs.readdirSync(fixture.tmpDir), []);
});

test('a function deployed again after a delete is another one', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  const { record } = fixture.registry.lease(f);
  await fixture.calls.append([call('1', 'f', { functionId: record.id })], new Map(), 10);
  await fixture.registry.remove(f);
  t.is(await fixture.calls.get('1'), undefined, 'its records go with it');
  await fixture.deploy('one');
  const again = fixture.registry.record(f);
  t.not(again.id, record.id);
  t.false(fixture.registry.isActive(record.active));
  t.true(fixture.registry.isActive(again.active));
});

test('records that cannot be removed do not keep a function from being removed', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  const { id } = fixture.registry.record(f);
  await fixture.calls.append([call('1', 'f', { functionId: id })], new Map(), 10);
  fixture.calls.failure = new StoreError('The disk failed.', { full: false });
  await t.notThrowsAsync(fixture.registry.remove(f));
  fixture.calls.failure = undefined;
  t.truthy(await fixture.calls.get('1'));
  await fixture.restart();
  t.is(await fixture.calls.get('1'), undefined, 'the next start removes them');
});

test('code that the store knows nothing of is kept at a start and said, and goes with the function of its name', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  // What an older copy of the database, or one rebuilt from what could be read, does not know.
  for (const path of ['f/2', 'lost/1', 'f/2.json']) {
    fs.mkdirSync(join(fixture.functionsDir, path, '..'), { recursive: true });
    if (path.endsWith('.json')) fs.writeFileSync(join(fixture.functionsDir, path), 'garbled');
    else fs.cpSync(join(fixture.functionsDir, 'f/1'), join(fixture.functionsDir, path), { recursive: true });
  }
  await fixture.restart();
  t.is(fixture.registry.get(f).version, 1);
  t.true(fs.existsSync(join(fixture.functionsDir, 'f/2/index.js')));
  t.true(fs.existsSync(join(fixture.functionsDir, 'lost/1/index.js')));
  const said = fixture.logged.find(({ message }) => message.includes('knows nothing of'));
  t.like(said, { level: 'error', fields: { kept: ['f@2', 'lost@1'] } });
  t.like(await fixture.deploy('two'), { version: 3 }, 'no number that is taken');
  await fixture.registry.remove(f);
  t.deepEqual(fs.readdirSync(fixture.functionsDir), ['lost']);
  t.deepEqual(await fixture.store.listDoomed(), []);
});

test('a start removes code whose removal was interrupted, and the empty directory of its function', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  await fixture.deploy('other', {}, undefined, refOf('g'));
  await fixture.store.remove(fixture.registry.record(f).id); // and then the power went
  fs.mkdirSync(join(fixture.functionsDir, 'empty'));
  await fixture.restart();
  t.deepEqual(fs.readdirSync(fixture.functionsDir), ['g']);
  t.deepEqual(await fixture.store.listDoomed(), []);
});

test('a start renews the sidecar of an active version that is missing or garbled', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  const sidecar = join(fixture.functionsDir, 'f/1.json');
  const before = fs.readFileSync(sidecar, 'utf8');
  for (const damage of [() => fs.writeFileSync(sidecar, '{'), () => fs.rmSync(sidecar)]) {
    damage();
    await fixture.restart();
    t.is(fs.readFileSync(sidecar, 'utf8'), before);
  }
});

test('a code file edited in place while the function serves is noticed before the next use, and only a change of content counts', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  const record = fixture.registry.record(f);
  const file = join(fixture.functionsDir, 'f/1/index.js');
  const copies = [1, 2, 3].map((n) => join(fixture.tmpDir, `copy-${n}`));
  await fixture.registry.copyCode(record, copies[0]!);
  await fixture.registry.copyCode(record, copies[1]!);
  fs.rmSync(copies[0]!, { recursive: true });
  await t.notThrowsAsync(fixture.registry.verifyCode(record), 'links that come and go change nothing');
  fs.utimesSync(file, 1, 1);
  await t.notThrowsAsync(fixture.registry.verifyCode(record), 'nor does a file that is touched');
  fs.writeFileSync(file, 'two');
  await t.throwsAsync(fixture.registry.copyCode(record, copies[2]!), { code: 'CODE_UNAVAILABLE' } as never);
  t.false(fs.existsSync(copies[2]!));
  await t.throwsAsync(fixture.registry.verifyCode(record), { code: 'CODE_UNAVAILABLE' } as never);
  fs.writeFileSync(file, 'one');
  await t.throwsAsync(fixture.registry.verifyCode(record), { code: 'CODE_UNAVAILABLE' } as never, 'for good');
  await fixture.deploy('three');
  await t.notThrowsAsync(fixture.registry.verifyCode(fixture.registry.record(f)));
});

test('the first use right after a deploy does not wait until the stamp of the code is due', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  // The clock stands still.
  await t.notThrowsAsync(fixture.registry.verifyCode(fixture.registry.record(f)));
});

test('a code file edited between a deploy and the first use is noticed, once the stamp was due', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.deploy('one');
  fixture.clock.move(20);
  await setImmediate();
  fs.writeFileSync(join(fixture.functionsDir, 'f/1/index.js'), 'two');
  await t.throwsAsync(fixture.registry.verifyCode(fixture.registry.record(f)), {
    code: 'CODE_UNAVAILABLE',
  } as never);
});

for (const [what, alter] of [
  ['comes', (dir: string) => fs.writeFileSync(join(dir, 'new.js'), '')],
  ['goes', (dir: string) => fs.rmSync(join(dir, 'index.js'))],
  ['is made executable', (dir: string) => fs.chmodSync(join(dir, 'index.js'), 0o755)],
] as const) {
  test(`a code file that ${what} while the function serves is noticed before the next use`, async (t) => {
    const fixture = new RegistryFixture(t);
    await fixture.deploy('one');
    const record = fixture.registry.record(f);
    await fixture.registry.verifyCode(record);
    alter(join(fixture.functionsDir, 'f/1'));
    await t.throwsAsync(fixture.registry.verifyCode(record), { code: 'CODE_UNAVAILABLE' } as never);
  });
}

test('functions of other namespaces are served beside those of the same name', async (t) => {
  const fixture = new RegistryFixture(t);
  const theirs = refOf('f', 'team');
  await fixture.deploy('one');
  await fixture.deploy('theirs', { timeoutMs: '500' }, undefined, theirs);
  await fixture.restart();
  t.is(fixture.registry.get(theirs).settings.timeoutMs, 500);
  t.is(fixture.registry.list('default').length, 1);
  t.is(fixture.registry.list('team').length, 1);
  const target = join(fixture.tmpDir, 'copy');
  await fixture.registry.copyCode(fixture.registry.record(theirs), target);
  t.is(fs.readFileSync(join(target, 'index.js'), 'utf8'), 'theirs');
  await fixture.registry.remove(theirs);
  t.deepEqual(fs.readdirSync(fixture.functionsDir), ['f']);
});

test('a store that has a function of another life under the name of a file keeps it apart', async (t) => {
  const fixture = new RegistryFixture(t);
  await fixture.store.publish(publication('f', 3));
  await fixture.restart();
  t.is(fixture.registry.record(f).id, idOf('f'));
  t.regex(fixture.logged.map(({ message }) => message).join('\n'), /the code of a function is missing/);
});

test('a removed namespace loses its functions, the one that is being deployed too, and takes none any more', async (t) => {
  const fixture = new RegistryFixture(t);
  const refs = ['a', 'b', 'c'].map((name) => ({ namespace: 'gone', name }));
  for (const ref of refs.slice(0, 2)) await fixture.deploy('x', {}, undefined, ref);
  await fixture.deploy('x', {}, undefined, { namespace: 'gone-not', name: 'a' });
  await fixture.deploy('x');
  const { store } = fixture;
  const publish = store.publish.bind(store);
  let removal: Promise<string[]> | undefined;
  const removed: string[] = [];
  // The removal comes when the deploy cannot be refused any more.
  store.publish = async (published) => {
    removal = fixture.registry.removeNamespace('gone', (name) => removed.push(name));
    await setImmediate();
    return publish(published);
  };
  await fixture.deploy('x', {}, undefined, refs[2]);
  store.publish = publish;
  t.deepEqual(await removal, ['a', 'b', 'c']);
  t.deepEqual(removed, ['a', 'b', 'c']);
  await t.throwsAsync(fixture.deploy('x', {}, undefined, refs[0]), { message: /There is no such namespace/ });
  t.deepEqual(fixture.registry.list('gone'), []);
  t.deepEqual(fs.readdirSync(fixture.functionsDir).sort(), ['@gone-not', 'f']);
  t.is(fixture.registry.list('gone-not').length + fixture.registry.list('default').length, 2);
  t.deepEqual(await fixture.registry.removeNamespace('gone'), []);
});

test('a function that somebody else deletes meanwhile does not keep the others of a removed namespace', async (t) => {
  const fixture = new RegistryFixture(t);
  const refs = ['a', 'b', 'c'].map((name) => ({ namespace: 'gone', name }));
  for (const ref of refs) await fixture.deploy('x', {}, undefined, ref);
  const removed: string[] = [];
  const removal = fixture.registry.removeNamespace('gone', (name) => {
    removed.push(name);
    // The other removal is first in its turn.
    if (name === 'a') others.push(fixture.registry.remove(refs[1]!));
  });
  const others: Promise<void>[] = [];
  t.deepEqual(await removal, ['a', 'b', 'c']);
  await Promise.all(others);
  t.deepEqual(removed, ['a', 'c']);
  t.deepEqual(fixture.registry.list('gone'), []);
});

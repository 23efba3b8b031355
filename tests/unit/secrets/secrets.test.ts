import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KeyFile } from '../../../src/data/key-file.js';
import { GlambdarError, type ErrorCode } from '../../../src/errors.js';
import type { FunctionId } from '../../../src/model/function/id.js';
import { StoreError } from '../../../src/model/store-error.js';
import { Secrets } from '../../../src/secrets/secrets.js';
import { MemorySecretStore } from '../../helpers/memory-secret-store.js';
import { f, RegistryFixture } from '../../helpers/registry-fixture.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

/** Secrets of a deployed function `f`, as a server has them; `start` is another server on the same directory. */
async function setUp(t: ExecutionContext) {
  const dir = temporaryDirectory(t);
  const keyPath = join(dir, 'secrets.key');
  const fixture = new RegistryFixture(t);
  const { registry } = fixture;
  await fixture.deploy();
  const store = new MemorySecretStore((id) => registry.byId(id) !== undefined);
  const changed: FunctionId[] = [];
  const logged: { level: string; fields: unknown; message: string }[] = [];
  const log =
    (level: string) =>
    (fields: unknown, message: string): void =>
      void logged.push({ level, fields, message });
  const start = async (): Promise<Secrets> => {
    const secrets = new Secrets({
      store,
      keyFile: new KeyFile(dir),
      functions: registry,
      onChanged: (id) => changed.push(id),
      logger: { error: log('error'), info: log('info') } as never,
    });
    await secrets.open();
    return secrets;
  };
  return {
    fixture,
    registry,
    record: registry.record(f),
    store,
    changed,
    logged,
    keyPath,
    start,
    secrets: await start(),
  };
}

const refused = async (
  t: ExecutionContext,
  work: Promise<unknown>,
  code: ErrorCode,
  message: RegExp,
): Promise<void> => {
  const error = await t.throwsAsync(work, { instanceOf: GlambdarError });
  t.is(error.code, code, error.message);
  t.regex(error.message, message);
};

test('a secret is named, given to workers, replaced and removed, and every change is told', async (t) => {
  const { secrets, record, changed, store } = await setUp(t);
  t.deepEqual(secrets.list(f), []);
  t.deepEqual(secrets.valuesOf(record), {});
  t.is(secrets.revisionOf(record.id), 0);
  await secrets.put(f, 'B', 'value-b');
  await secrets.put(f, 'A', 'value-a');
  t.deepEqual(
    secrets.list(f).map(({ name }) => name),
    ['A', 'B'],
  );
  t.deepEqual(Object.keys(secrets.list(f)[0]!), ['name', 'createdAt', 'updatedAt']);
  t.deepEqual(secrets.valuesOf(record), { A: 'value-a', B: 'value-b' });
  t.is(secrets.revisionOf(record.id), 2);
  await secrets.put(f, 'A', 'value-c');
  t.is(secrets.valuesOf(record)['A'], 'value-c');
  await secrets.put(f, 'A', 'value-c');
  t.is(secrets.revisionOf(record.id), 3, 'the same value again changes nothing for workers');
  await secrets.remove(f, 'B');
  t.deepEqual(secrets.valuesOf(record), { A: 'value-c' });
  t.deepEqual(changed, Array<FunctionId>(4).fill(record.id));
  t.false(JSON.stringify(await store.list()).includes('value'));
  await refused(t, secrets.remove(f, 'B'), 'SECRET_NOT_FOUND', /names those it has/);
});

test('secrets are those of one function, and go with it', async (t) => {
  const { secrets, registry, record, fixture, start } = await setUp(t);
  const other = { ...f, name: 'other' };
  await refused(t, secrets.put(other, 'A', 'x'), 'FUNCTION_NOT_FOUND', /not found/);
  await fixture.deploy('two', {}, undefined, other);
  await secrets.put(f, 'A', 'value-a');
  t.deepEqual(secrets.list(other), []);
  await fixture.deploy('three');
  t.deepEqual(secrets.valuesOf(registry.record(f)), { A: 'value-a' }, 'a redeploy keeps them');
  await registry.remove(f);
  secrets.forget(record.id);
  t.throws(() => secrets.list(f), { message: 'Function not found!' });
  await fixture.deploy('again');
  t.deepEqual(secrets.list(f), []);
  t.deepEqual((await start()).valuesOf(registry.record(f)), {});
});

test('a server that is started again has the values', async (t) => {
  const { secrets, record, start, keyPath } = await setUp(t);
  await secrets.put(f, 'A', 'value-a');
  const key = readFileSync(keyPath, 'utf8');
  const again = await start();
  t.deepEqual(again.valuesOf(record), { A: 'value-a' });
  await again.put(f, 'B', 'value-b');
  t.is(readFileSync(keyPath, 'utf8'), key);
  t.deepEqual((await start()).valuesOf(record), { A: 'value-a', B: 'value-b' });
});

test('without its key file values cannot be read or set, and with the file again they can', async (t) => {
  const { secrets, record, start, keyPath, logged, changed } = await setUp(t);
  await secrets.put(f, 'A', 'canary-1');
  renameSync(keyPath, `${keyPath}.away`);
  t.deepEqual(secrets.valuesOf(record), { A: 'canary-1' }, 'what was read stays in use');
  await refused(
    t,
    secrets.put(f, 'B', 'canary-2'),
    'SECRETS_UNAVAILABLE',
    /missing from GLAMBDAR_DIR, and 1 stored/,
  );
  const again = await start();
  for (let call = 0; call < 3; call++) {
    const error = t.throws(() => again.valuesOf(record), { instanceOf: GlambdarError });
    t.is(error.code, 'SECRETS_UNAVAILABLE');
    t.regex(
      error.message,
      /^The secrets of "f" cannot be read: the key file secrets\.key is missing .* backup/,
    );
  }
  t.is(logged.length, 1, 'said once');
  t.deepEqual(
    again.list(f).map(({ name }) => name),
    ['A'],
    'names can be read',
  );
  changed.length = 0;
  renameSync(`${keyPath}.away`, keyPath);
  t.deepEqual(again.valuesOf(record), { A: 'canary-1' });
  t.deepEqual(changed, [record.id], 'the function can be made ready again');
  t.false(JSON.stringify(logged).includes('canary'));
});

test('after another key file was put in its place, secrets can be set again one by one', async (t) => {
  const { secrets, record, start, keyPath } = await setUp(t);
  await secrets.put(f, 'A', 'value-a');
  await secrets.put(f, 'B', 'value-b');
  writeFileSync(keyPath, 'ab'.repeat(32));
  const again = await start();
  const unreadable = { message: /A was sealed with another key/ };
  t.throws(() => again.valuesOf(record), unreadable);
  await again.put(f, 'B', 'value-b2');
  t.throws(() => again.valuesOf(record), unreadable);
  await again.remove(f, 'A');
  t.deepEqual(again.valuesOf(record), { B: 'value-b2' });
});

test('when all secrets are deleted a missing key file is made anew', async (t) => {
  const { secrets, record, keyPath } = await setUp(t);
  await secrets.put(f, 'A', 'value-a');
  rmSync(keyPath);
  await secrets.remove(f, 'A');
  await secrets.put(f, 'A', 'value-b');
  t.deepEqual(secrets.valuesOf(record), { A: 'value-b' });
});

test('a key file that holds no key is told, and left as it is', async (t) => {
  const { secrets, keyPath } = await setUp(t);
  writeFileSync(keyPath, 'no key', { mode: 0o600 });
  await refused(t, secrets.put(f, 'A', 'x'), 'SECRETS_UNAVAILABLE', /64 hexadecimal digits/);
  t.is(readFileSync(keyPath, 'utf8'), 'no key');
});

test('a damaged value, or one moved from another name, is told by its name', async (t) => {
  const { secrets, record, store, start } = await setUp(t);
  await secrets.put(f, 'A', 'value-a');
  const [a] = await store.list();
  await store.put(record.id, 'B', a!.sealed, 1);
  const again = await start();
  t.throws(() => again.valuesOf(record), { message: /the stored value of B is damaged/ });
});

test('a disk that is full when a secret is set leaves the secret before', async (t) => {
  const { secrets, record, store } = await setUp(t);
  await secrets.put(f, 'A', 'value-a');
  store.failure = new StoreError('full', { full: true });
  await refused(t, secrets.put(f, 'A', 'value-b'), 'DISK_FULL', /disk is full/);
  await refused(t, secrets.remove(f, 'A'), 'DISK_FULL', /disk is full/);
  store.failure = undefined;
  t.deepEqual(secrets.valuesOf(record), { A: 'value-a' });
});

test('images get no secrets, and are told why', async (t) => {
  const { secrets, fixture } = await setUp(t);
  fixture.images.set('image', { digest: `sha256:${'ab'.repeat(32)}`, sizeBytes: 1, ports: [] });
  const ref = { ...f, name: 'image' };
  await fixture.pipeline.deployImage({ ref, image: 'image', settings: {} });
  await refused(t, secrets.put(ref, 'A', 'x'), 'INVALID_REQUEST', /is an image, and images get no secrets/);
});

test('two secrets that are set at once are both there', async (t) => {
  const { secrets, record } = await setUp(t);
  const names = Array.from({ length: 64 }, (_, index) => `S${index}`);
  await Promise.all(names.map((name) => secrets.put(f, name, `value-${name}`)));
  t.is(Object.keys(secrets.valuesOf(record)).length, 64);
  await refused(t, secrets.put(f, 'ONE_MORE', 'x'), 'INVALID_REQUEST', /at most 64/);
  await secrets.put(f, 'S0', 'replaced');
});

test('what workers had before is still taken out of what they print, also of a function that was deleted', async (t) => {
  const { secrets, record } = await setUp(t);
  t.true(secrets.redactorOf(record.id).isEmpty);
  await secrets.put(f, 'A', 'value-a');
  secrets.valuesOf(record);
  const redactor = secrets.redactorOf(record.id);
  await secrets.put(f, 'A', 'value-b');
  secrets.valuesOf(record);
  t.is(redactor.redact('value-a value-b'), '[secret A] [secret A]');
  await secrets.remove(f, 'A');
  secrets.forget(record.id);
  t.is(redactor.redact('value-a value-b'), '[secret A] [secret A]');
});

import test, { type ExecutionContext } from 'ava';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { sidecarPath, versionPath } from '../../../../../src/data/function-layout.js';
import { readRestored, sidecarText } from '../../../../../src/data/sidecar.js';
import type { FunctionRecord } from '../../../../../src/model/function/function.js';
import { SqliteFunctionStore } from '../../../../../src/store/sqlite/functions/sqlite-function-store.js';
import { idOf, publication, record, refOf, settings } from '../../builders.js';
import { temporaryDirectory } from '../../temporary.js';
import { damages, patch } from '../damages.js';

const functions = Array.from({ length: 40 }, (_, index) => `f${String(index).padStart(2, '0')}`);
const longSettings = { ...settings, env: { LONG: 'x'.repeat(6_000) } };

/** What the registry does around a publish. */
function writeCode(dir: string, name: string, number: number, overrides: Partial<FunctionRecord> = {}): void {
  const functionsDir = join(dir, 'functions');
  const written = record(name, number, { settings: longSettings, ...overrides });
  mkdirSync(versionPath(functionsDir, written.ref, number), { recursive: true });
  writeFileSync(sidecarPath(functionsDir, written.ref, number), sidecarText(written));
}

const sidecarOf = (dir: string, name: string, number: number): string =>
  sidecarPath(join(dir, 'functions'), refOf(name), number);

function open(dir: string, warn: (message: string) => void = () => undefined): SqliteFunctionStore {
  return new SqliteFunctionStore({
    dir,
    readRestored: () => readRestored(join(dir, 'functions')),
    logger: { warn: (...args: unknown[]) => warn(String(args.at(-1))) } as never,
  });
}

/** A directory with many functions, closed as a server that stops does. */
async function populated(t: ExecutionContext): Promise<{ dir: string; before: FunctionRecord[] }> {
  const dir = temporaryDirectory(t);
  const store = open(dir);
  for (const name of functions) {
    writeCode(dir, name, 1);
    await store.publish({ ...publication(name, 1, 1_000), settings: longSettings });
  }
  const before = await store.list();
  await store.close();
  return { dir, before };
}

/** Opens a store that a warning is expected of; returns the warnings, too. */
function recovering(t: ExecutionContext, dir: string): { store: SqliteFunctionStore; warnings: string[] } {
  const warnings: string[] = [];
  const store = open(dir, (message) => warnings.push(message));
  t.teardown(() => store.close());
  return { store, warnings };
}

for (const [damage, apply] of Object.entries(damages)) {
  test(`glambdar.db with ${damage} is kept aside and rebuilt from functions/`, async (t) => {
    const { dir, before } = await populated(t);
    apply(join(dir, 'glambdar.db'));
    const { store, warnings } = recovering(t, dir);
    t.regex(
      store.recovered!,
      /^glambdar\.db was damaged \(.+\) and is kept as glambdar\.db\.corrupt-\d+; 40 functions were restored/,
    );
    t.deepEqual(warnings, [store.recovered!]);
    t.deepEqual(await store.list(), before, 'with the ids they had');
    t.is(readdirSync(dir).filter((entry) => /^glambdar\.db\.corrupt-\d+$/.test(entry)).length, 1);
    await store.publish(publication('f00', 2, 9_000));
    await store.close();
    const again = recovering(t, dir);
    t.is(again.store.recovered, null);
    t.is((await again.store.get(idOf('f00')))?.active.version, 2);
  });
}

/** A directory as kill -9 leaves it: what was published is in the log only. */
async function killed(t: ExecutionContext): Promise<{ dir: string; before: FunctionRecord[] }> {
  const { dir: original } = await populated(t);
  const store = open(original);
  for (let number = 2; number <= 4; number++) await store.publish(publication('f00', number, 1_000 * number));
  const before = await store.list();
  const dir = temporaryDirectory(t);
  for (const name of functions) writeCode(dir, name, 1);
  for (let number = 2; number <= 4; number++) writeCode(dir, 'f00', number, { settings });
  for (const file of ['glambdar.db', 'glambdar.db-wal']) copyFileSync(join(original, file), join(dir, file));
  await store.close();
  return { dir, before };
}

test('a log that a crash left is replayed', async (t) => {
  const { dir, before } = await killed(t);
  const { store } = recovering(t, dir);
  t.is(store.recovered, null);
  t.deepEqual(await store.list(), before);
});

test('a log torn in its last frame is replayed up to it', async (t) => {
  const { dir } = await killed(t);
  const wal = join(dir, 'glambdar.db-wal');
  truncateSync(wal, statSync(wal).size - 5_000);
  const { store } = recovering(t, dir);
  t.is(store.recovered, null);
  t.is((await store.get(idOf('f00')))?.active.version, 3);
});

test('garbage in place of the log is not taken for "nothing was published"', async (t) => {
  const { dir, before } = await killed(t);
  const wal = join(dir, 'glambdar.db-wal');
  writeFileSync(wal, Buffer.alloc(statSync(wal).size, 'garbage'));
  const { store } = recovering(t, dir);
  t.regex(store.recovered!, /write-ahead log has no valid header/);
  t.deepEqual(await store.list(), before);
  t.is(readdirSync(dir).filter((entry) => /^glambdar\.db(-wal)?\.corrupt-\d+$/.test(entry)).length, 2);
});

test('a log damaged before its last commits is not replayed up to the damage', async (t) => {
  const { dir, before } = await killed(t);
  patch(join(dir, 'glambdar.db-wal'), 1_000, Buffer.alloc(64, 1));
  const { store } = recovering(t, dir);
  t.regex(store.recovered!, /write-ahead log is broken/);
  t.deepEqual(await store.list(), before);
});

test('a missing glambdar.db is rebuilt from functions/, and a directory without functions is simply new', async (t) => {
  const { dir, before } = await populated(t);
  rmSync(join(dir, 'glambdar.db'));
  const { store } = recovering(t, dir);
  t.is(store.recovered, 'glambdar.db was missing; 40 functions were restored from functions/.');
  t.deepEqual(await store.list(), before);

  const empty = temporaryDirectory(t);
  mkdirSync(join(empty, 'functions'));
  writeFileSync(join(empty, 'functions', 'README.md'), 'about');
  t.is(recovering(t, empty).store.recovered, null);
});

test('a rebuild restores every readable version of a function, with nothing doomed', async (t) => {
  const dir = temporaryDirectory(t);
  for (const number of [1, 2, 9, 10]) writeCode(dir, 'good', number);
  writeCode(dir, 'good', 1, { ref: refOf('good', 'team'), id: idOf('good', 2) });
  writeFileSync(sidecarOf(dir, 'good', 2), 'garbled');
  const { store } = recovering(t, dir);
  t.deepEqual(
    (await store.list()).map(({ ref, active }) => [ref.namespace, ref.name, active.version]),
    [
      ['default', 'good', 10],
      ['team', 'good', 1],
    ],
  );
  const versions = (await store.listVersions(idOf('good'))).map(({ version }) => version);
  t.deepEqual(versions, [10, 9, 1]);
  t.deepEqual(await store.listDoomed(), []);
});

test('a rebuild does not fall back to an older version when the newest one cannot be read, and names the function', async (t) => {
  const dir = temporaryDirectory(t);
  writeCode(dir, 'good', 1);
  writeCode(dir, 'half', 1);
  writeCode(dir, 'half', 2);
  writeFileSync(sidecarOf(dir, 'half', 2), '{"version":');
  // The directory comes last in a publish: a sidecar alone is a deploy that was not finished.
  writeCode(dir, 'no-code', 1);
  writeCode(dir, 'no-code', 2);
  rmSync(versionPath(join(dir, 'functions'), refOf('no-code'), 2), { recursive: true });
  writeCode(dir, 'foreign', 1);
  writeFileSync(sidecarOf(dir, 'foreign', 1), sidecarText(record('other')));
  writeCode(dir, 'number', 1);
  writeFileSync(sidecarOf(dir, 'number', 1), sidecarText(record('number', 2)));
  writeCode(dir, 'typed', 1, { createdAt: '1' as never });
  writeCode(dir, 'no-id', 1, { id: 'x' as never });
  writeCode(dir, 'linked', 1);
  rmSync(sidecarOf(dir, 'linked', 1));
  symlinkSync(sidecarOf(dir, 'good', 1), sidecarOf(dir, 'linked', 1));
  symlinkSync(join(dir, 'functions', 'good'), join(dir, 'functions', 'alias'));
  mkdirSync(join(dir, 'functions', 'empty'));
  mkdirSync(join(dir, 'functions', '.probe', '1'), { recursive: true });
  writeFileSync(join(dir, 'functions', 'README.md'), 'about');

  const { store } = recovering(t, dir);
  t.deepEqual(
    (await store.list()).map(({ ref, active }) => `${ref.name} ${active.version}`),
    ['good 1', 'no-code 1'],
  );
  t.is(
    store.recovered,
    'glambdar.db was missing; 2 functions were restored from functions/; not restored, because the record of the newest ' +
      'version there cannot be read: foreign, half, linked, no-id, number, typed (no older version serves instead, and all ' +
      'code is kept: deploy them again).',
  );
});

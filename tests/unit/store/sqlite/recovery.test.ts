import test, { type ExecutionContext } from 'ava';
import {
  copyFileSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { FunctionRecord } from '../../../../src/model/records.js';
import { readSidecars, sidecarPath, type Sidecar } from '../../../../src/data/sidecar.js';
import { openSqliteStore, type SqliteStore } from '../../../../src/store/sqlite/sqlite-store.js';
import { openDatabase } from '../../../../src/store/sqlite/sqlite.js';
import { call, calls, publication, settings, version } from '../builders.js';
import { temporaryDirectory } from '../temporary.js';

const functions = Array.from({ length: 40 }, (_, index) => `f${String(index).padStart(2, '0')}`);
const counted = new Map([['f00', { invokeCount: 3, errorCount: 1, lastInvokedAt: 5 }]]);

/** What the registry does around a publish. */
function writeCode(dir: string, name: string, number: number, overrides: Partial<Sidecar> = {}): void {
  mkdirSync(join(dir, 'functions', name, `${number}`), { recursive: true });
  const sidecar: Sidecar = {
    version: version(name, number),
    settings: { ...settings, env: { LONG: 'x'.repeat(6_000) } },
    createdAt: 1_000,
    updatedAt: 1_000 * number,
    ...overrides,
  };
  writeFileSync(sidecarPath(join(dir, 'functions'), name, number), JSON.stringify(sidecar));
}

/** A directory with many functions, closed as a server that stops does. */
function populated(t: ExecutionContext): { dir: string; before: FunctionRecord[] } {
  const dir = temporaryDirectory(t);
  const store = openSqliteStore({ dir });
  for (const name of functions) {
    writeCode(dir, name, 1);
    store.publish({
      ...publication(name, 1, 1_000),
      settings: { ...settings, env: { LONG: 'x'.repeat(6_000) } },
    });
  }
  store.appendInvocations(calls(20, 'f00'), counted, 100);
  const before = store.listFunctions();
  store.close();
  return { dir, before };
}

/** Opens a store that a warning is expected of; returns what it warned of, too. */
function recovering(t: ExecutionContext, dir: string): { store: SqliteStore; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (...args: unknown[]): void => void warnings.push(String(args.at(-1)));
  const store = openSqliteStore({ dir, logger: { warn } as never });
  t.teardown(() => store.close());
  return { store, warnings };
}

function patch(file: string, at: number, bytes: Buffer): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

const damages: Record<string, (file: string) => void> = {
  'truncated to half': (file) => truncateSync(file, statSync(file).size / 2),
  'truncated to its first page': (file) => truncateSync(file, 4096),
  'truncated in the middle of a page': (file) => truncateSync(file, statSync(file).size - 1_000),
  '4 KiB of zeros in the middle': (file) => patch(file, 4096 * 8, Buffer.alloc(4096)),
  'zeros over its first page': (file) => patch(file, 0, Buffer.alloc(4096)),
  'not a database': (file) => writeFileSync(file, 'this is not a database at all, but a text'.repeat(100)),
  'settings that are no JSON any more': (file) => {
    const content = readFileSync(file); // every occurrence: some are what moved rows left behind
    for (let at = content.indexOf('"memoryMb"'); at >= 0; at = content.indexOf('"memoryMb"', at + 1)) {
      patch(file, at, Buffer.from('\0\0\0\0'));
    }
  },
};

for (const [damage, apply] of Object.entries(damages)) {
  test(`glambdar.db with ${damage} is kept aside and rebuilt from functions/`, (t) => {
    const { dir, before } = populated(t);
    apply(join(dir, 'glambdar.db'));
    const { store, warnings } = recovering(t, dir);
    t.regex(
      store.recovered!,
      /^glambdar\.db was damaged \(.+\) and is kept as glambdar\.db\.corrupt-\d+; 40 functions were restored/,
    );
    t.deepEqual(warnings, [store.recovered!]);
    t.deepEqual(store.listFunctions(), before);
    t.deepEqual(store.listCounters(), counted);
    t.is(store.listInvocations({ funcName: 'f00', limit: 100 }).length, 20);
    t.is(readdirSync(dir).filter((entry) => /^glambdar\.db\.corrupt-\d+$/.test(entry)).length, 1);
    store.publish(publication('f00', 2, 9_000));
    store.close();
    const again = recovering(t, dir);
    t.is(again.store.recovered, null);
    t.is(again.store.getFunction('f00')?.active.version, 2);
  });
}

/** A directory as kill -9 leaves it: what was published is in the log only. */
function killed(t: ExecutionContext): { dir: string; before: FunctionRecord[] } {
  const { dir: original } = populated(t);
  const store = openSqliteStore({ dir: original });
  for (let number = 2; number <= 4; number++) {
    writeCode(original, 'f00', number);
    store.publish(publication('f00', number, 1_000 * number));
  }
  const before = store.listFunctions();
  const dir = temporaryDirectory(t);
  mkdirSync(join(dir, 'functions'));
  for (const name of functions) writeCode(dir, name, 1);
  for (let number = 2; number <= 4; number++) writeCode(dir, 'f00', number, { settings });
  for (const file of ['glambdar.db', 'glambdar.db-wal', 'invocations.db'])
    copyFileSync(join(original, file), join(dir, file));
  store.close();
  return { dir, before };
}

test('a log that a crash left is replayed', (t) => {
  const { dir, before } = killed(t);
  const { store } = recovering(t, dir);
  t.is(store.recovered, null);
  t.deepEqual(store.listFunctions(), before);
});

test('a log torn in its last frame is replayed up to it', (t) => {
  const { dir } = killed(t);
  const wal = join(dir, 'glambdar.db-wal');
  truncateSync(wal, statSync(wal).size - 5_000);
  const { store } = recovering(t, dir);
  t.is(store.recovered, null);
  t.is(store.getFunction('f00')?.active.version, 3);
});

test('garbage in place of the log is not taken for "nothing was published"', (t) => {
  const { dir, before } = killed(t);
  const wal = join(dir, 'glambdar.db-wal');
  writeFileSync(wal, Buffer.alloc(statSync(wal).size, 'garbage'));
  const { store } = recovering(t, dir);
  t.regex(store.recovered!, /write-ahead log has no valid header/);
  t.deepEqual(store.listFunctions(), before);
  t.is(readdirSync(dir).filter((entry) => /^glambdar\.db(-wal)?\.corrupt-\d+$/.test(entry)).length, 2);
});

test('a log damaged before its last commits is not replayed up to the damage', (t) => {
  const { dir, before } = killed(t);
  patch(join(dir, 'glambdar.db-wal'), 1_000, Buffer.alloc(64, 1));
  const { store } = recovering(t, dir);
  t.regex(store.recovered!, /write-ahead log is broken/);
  t.deepEqual(store.listFunctions(), before);
});

test('a missing glambdar.db is rebuilt from functions/, and a directory without functions is simply new', (t) => {
  const { dir, before } = populated(t);
  rmSync(join(dir, 'glambdar.db'));
  const { store } = recovering(t, dir);
  t.is(store.recovered, 'glambdar.db was missing; 40 functions were restored from functions/.');
  t.deepEqual(store.listFunctions(), before);

  const empty = temporaryDirectory(t);
  mkdirSync(join(empty, 'functions'));
  writeFileSync(join(empty, 'functions', 'README.md'), 'about');
  t.is(recovering(t, empty).store.recovered, null);
});

test('a rebuild takes the highest version that has its directory and a valid sidecar, and names what it cannot restore', (t) => {
  const dir = temporaryDirectory(t);
  const functionsDir = join(dir, 'functions');
  for (const number of [1, 2, 9, 10]) writeCode(dir, 'good', number);
  writeCode(dir, 'half', 1);
  writeCode(dir, 'half', 2);
  writeFileSync(sidecarPath(functionsDir, 'half', 2), '{"version":');
  writeCode(dir, 'no-code', 1);
  writeCode(dir, 'no-code', 2);
  rmSync(join(functionsDir, 'no-code', '2'), { recursive: true });
  writeCode(dir, 'foreign', 1, { version: version('other', 1) });
  writeCode(dir, 'number', 1, { version: version('number', 2) });
  writeCode(dir, 'typed', 1, { createdAt: '1' as never });
  writeCode(dir, 'linked', 1);
  rmSync(sidecarPath(functionsDir, 'linked', 1));
  symlinkSync(sidecarPath(functionsDir, 'good', 1), sidecarPath(functionsDir, 'linked', 1));
  symlinkSync(join(functionsDir, 'good'), join(functionsDir, 'alias'));
  mkdirSync(join(functionsDir, 'empty'));
  mkdirSync(join(functionsDir, '.probe', '1'), { recursive: true });
  writeFileSync(join(functionsDir, 'README.md'), 'about');

  const { found, lost } = readSidecars(functionsDir);
  t.deepEqual(
    found.map(({ name, active }) => `${name} ${active.version}`),
    ['good 10', 'half 1', 'no-code 1'],
  );
  t.deepEqual(lost, ['foreign', 'linked', 'number', 'typed']);
  const { store } = recovering(t, dir);
  t.is(
    store.recovered,
    'glambdar.db was missing; 3 functions were restored from functions/; ' +
      'not restored, having no readable record there: foreign, linked, number, typed.',
  );
});

for (const [damage, apply] of Object.entries(damages).filter(([name]) => !name.includes('JSON'))) {
  test(`invocations.db with ${damage} gives way to a new one, at the latest when it is used`, (t) => {
    const { dir, before } = populated(t);
    const file = join(dir, 'invocations.db');
    apply(file);
    const { store, warnings } = recovering(t, dir);
    t.is(store.recovered, null);
    t.notThrows(() => {
      store.listCounters();
      store.listInvocations({ funcName: 'f00', limit: 100 });
      for (const name of functions) store.appendInvocations([call(`new-${name}`, name)], counted, 10);
      store.check();
    });
    t.is(store.getInvocation('new-f07')?.funcName, 'f07');
    t.deepEqual(store.listFunctions(), before);
    t.true(warnings.length <= 1);
    for (const warning of warnings)
      t.regex(warning, /^invocations\.db was damaged and is kept; .+ start anew in invocations-2\.db\.$/);
  });
}

test('only one damaged database of records is kept', (t) => {
  const { dir } = populated(t);
  for (const file of ['invocations.db', 'invocations-2.db', 'invocations-3.db']) {
    writeFileSync(join(dir, file), 'no database'.repeat(1_000));
    const { store } = recovering(t, dir);
    store.appendInvocations([call('x', 'f00')], new Map(), 10);
    store.close();
  }
  const { store, warnings } = recovering(t, dir);
  t.deepEqual(warnings, []);
  t.truthy(store.getInvocation('x'));
  const kept = readdirSync(dir).filter((entry) => /^invocations.*\.db$/.test(entry));
  t.deepEqual(kept.sort(), ['invocations-3.db', 'invocations-4.db']);
});

test('damage to invocations.db while the server runs costs the records, not the server', (t) => {
  const { dir } = populated(t);
  const { store, warnings } = recovering(t, dir);
  // Every page but the first, behind the back of the open connection; a checkpoint has put the content there before.
  const other = openDatabase(join(dir, 'invocations.db'), 'NORMAL', 0);
  other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  other.close();
  const file = join(dir, 'invocations.db');
  patch(file, 4096, Buffer.alloc(statSync(file).size - 4096, 0xff));
  store.appendInvocations([call('new', 'f01')], new Map(), 10);
  t.is(store.listInvocations({ funcName: 'f01', limit: 10 }).length, 1);
  t.is(warnings.length, 1);
});

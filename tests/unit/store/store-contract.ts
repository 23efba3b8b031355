/** Owns what every `Store` must do. Each implementation runs it from a test file of its own. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { FunctionCounters } from '../../../src/model/records.js';
import { StoreError, type Store } from '../../../src/store/store.js';
import { MemoryStore } from '../../helpers/memory-store.js';
import { call, calls, publication, settings, version } from './builders.js';

/** @param open an empty store; the suite closes it */
export function storeContract(subject: string, open: (t: ExecutionContext) => Store): void {
  const opened = (t: ExecutionContext): Store => {
    const store = open(t);
    t.teardown(() => store.close());
    return store;
  };
  const ids = (store: Store, funcName: string, limit = 1000, before?: string): string[] =>
    store
      .listInvocations({ funcName, limit, ...(before === undefined ? {} : { before }) })
      .map(({ id }) => id);

  test(`${subject} is empty when new`, (t) => {
    const store = opened(t);
    t.deepEqual(store.listFunctions(), []);
    t.is(store.getFunction('a'), undefined);
    t.deepEqual(store.listVersions('a'), []);
    t.deepEqual(store.listCounters(), new Map());
    t.deepEqual(ids(store, 'a'), []);
    t.is(store.getInvocation('a'), undefined);
    t.notThrows(() => store.check());
  });

  test(`${subject} returns a published function as it was given`, (t) => {
    const store = opened(t);
    const request = {
      ...publication('hello', 1, 5_000),
      settings: { ...settings, env: { A: 'x\0y', __proto__x: '€' } },
    };
    const expected = {
      name: 'hello',
      createdAt: 5_000,
      updatedAt: 5_000,
      active: request.version,
      settings: request.settings,
    };
    t.deepEqual(store.publish(request), expected);
    t.deepEqual(store.getFunction('hello'), expected);
    t.deepEqual(store.listFunctions(), [expected]);
    t.deepEqual(store.listVersions('hello'), [request.version]);
  });

  test(`${subject} makes the published version the active one and keeps the others and the day of creation`, (t) => {
    const store = opened(t);
    store.publish(publication('f', 1, 1_000));
    const next = store.publish({ ...publication('f', 2, 2_000), settings: { ...settings, memoryMb: 256 } });
    t.like(next, { createdAt: 1_000, updatedAt: 2_000, active: { version: 2 }, settings: { memoryMb: 256 } });
    t.deepEqual(
      store.listVersions('f').map((kept) => kept.version),
      [2, 1],
    );
  });

  test(`${subject} refuses to publish a version twice and changes nothing`, (t) => {
    const store = opened(t);
    store.publish(publication('f', 1, 1_000));
    const before = store.getFunction('f');
    const error = t.throws(() =>
      store.publish({ ...publication('f', 1, 9_000), settings: { ...settings, cpus: 2 } }),
    );
    t.true(error instanceof StoreError);
    t.false((error as StoreError).full);
    t.notRegex(error.message, /constraint|UNIQUE|SQL/i);
    t.deepEqual(store.getFunction('f'), before);
  });

  test(`${subject} lists functions sorted by name`, (t) => {
    const store = opened(t);
    for (const name of ['b', 'a.b', 'Z', 'a-b', 'a', '0', 'a_b']) store.publish(publication(name));
    t.deepEqual(
      store.listFunctions().map(({ name }) => name),
      ['0', 'Z', 'a', 'a-b', 'a.b', 'a_b', 'b'],
    );
  });

  test(`${subject} tells names apart by letter case`, (t) => {
    const store = opened(t);
    store.publish(publication('Fn'));
    t.is(store.getFunction('fn'), undefined);
  });

  test(`${subject} replaces settings without a new version`, (t) => {
    const store = opened(t);
    store.publish(publication('f', 1, 1_000));
    const updated = store.updateSettings('f', { ...settings, timeoutMs: 100 }, 3_000);
    t.like(updated, {
      createdAt: 1_000,
      updatedAt: 3_000,
      active: version('f', 1),
      settings: { timeoutMs: 100 },
    });
    t.deepEqual(store.getFunction('f'), updated);
    t.is(store.updateSettings('nobody', settings, 3_000), undefined);
    t.is(store.getFunction('nobody'), undefined);
  });

  test(`${subject} forgets versions, but never the active one`, (t) => {
    const store = opened(t);
    for (const number of [1, 2, 3]) store.publish(publication('f', number));
    store.publish(publication('other', 1));
    store.removeVersions('f', [1, 3, 77]);
    store.removeVersions('nobody', [1]);
    t.deepEqual(
      store.listVersions('f').map((kept) => kept.version),
      [3, 2],
    );
    t.is(store.listVersions('other').length, 1);
  });

  test(`${subject} forgets everything about a removed function, and nothing about others`, (t) => {
    const store = opened(t);
    store.publish(publication('f'));
    store.publish(publication('other'));
    const counted = { invokeCount: 1, errorCount: 0, lastInvokedAt: 5 };
    store.appendInvocations(
      [call('1', 'f', { stdout: 'x' }), call('2', 'other')],
      new Map([
        ['f', counted],
        ['other', counted],
      ]),
      10,
    );
    t.true(store.removeFunction('f'));
    t.false(store.removeFunction('f'));
    t.is(store.getFunction('f'), undefined);
    t.deepEqual(store.listVersions('f'), []);
    t.is(store.getInvocation('1'), undefined);
    t.deepEqual([...store.listCounters().keys()], ['other']);
    t.deepEqual(ids(store, 'other'), ['2']);
  });

  test(`${subject} gives a function deployed again under a removed name no past`, (t) => {
    const store = opened(t);
    const counted = new Map([['f', { invokeCount: 7, errorCount: 1, lastInvokedAt: 5 }]]);
    store.publish(publication('f', 1, 1_000));
    store.appendInvocations([call('1', 'f')], counted, 10);
    store.removeFunction('f');
    store.appendInvocations([call('late', 'f')], counted, 10); // a call that outlived its function
    store.publish(publication('f', 1, 1_000));
    t.deepEqual(store.listCounters(), new Map());
    t.deepEqual(ids(store, 'f'), []);
    t.is(store.getInvocation('1'), undefined);
    t.is(store.getInvocation('late'), undefined);
  });

  test(`${subject} returns a record of a call as it was given`, (t) => {
    const store = opened(t);
    store.publish(publication('f'));
    const records = [
      call('plain', 'f'),
      call('full', 'f', {
        stdout: 'out\0€\n',
        stderr: 'err',
        status: 500,
        outcome: 'function_error',
        start: null,
        peakMemoryMb: null,
        error: { code: 'FUNCTION_ERROR', message: 'no\0o', stack: 'at x' },
      }),
      call('no-stack', 'f', { error: { code: 'X', message: '' } }),
      call('long', 'f', { error: { code: 'X', message: '€'.repeat(5_000) } }),
    ];
    store.appendInvocations(records, new Map(), 10);
    for (const record of records) t.deepEqual(store.getInvocation(record.id), record);
    t.deepEqual(store.listInvocations({ funcName: 'f', limit: 10 }), records.toReversed());
  });

  test(`${subject} replaces counters by name and keeps those that are not given`, (t) => {
    const store = opened(t);
    for (const name of ['a', 'b']) store.publish(publication(name));
    const one: FunctionCounters = { invokeCount: 1, errorCount: 0, lastInvokedAt: null };
    const two = { invokeCount: 2, errorCount: 1, lastInvokedAt: 9 };
    store.appendInvocations([], new Map([['a', one]]), 10);
    store.appendInvocations([], new Map([['b', one]]), 10);
    store.appendInvocations([], new Map([['a', two]]), 10);
    t.deepEqual(
      store.listCounters(),
      new Map([
        ['a', two],
        ['b', one],
      ]),
    );
  });

  test(`${subject} ignores records and counters of functions that are not deployed`, (t) => {
    const store = opened(t);
    store.appendInvocations(
      [call('1', 'x')],
      new Map([['x', { invokeCount: 1, errorCount: 0, lastInvokedAt: 1 }]]),
      10,
    );
    t.is(store.getInvocation('1'), undefined);
    t.deepEqual(store.listCounters(), new Map());
  });

  test(`${subject} keeps the first record when an id comes twice`, (t) => {
    const store = opened(t);
    for (const name of ['f', 'g']) store.publish(publication(name));
    store.appendInvocations([call('1', 'f'), call('1', 'f', { status: 500 }), call('2', 'f')], new Map(), 10);
    store.appendInvocations([call('1', 'g')], new Map(), 10);
    t.is(store.getInvocation('1')?.status, 200);
    t.deepEqual(ids(store, 'f'), ['2', '1']);
    t.deepEqual(ids(store, 'g'), []);
  });

  test(`${subject} amends the output of a record, which keeps its place and all else`, (t) => {
    const store = opened(t);
    store.publish(publication('f'));
    const error = { code: 'FUNCTION_ERROR', message: 'm'.repeat(5_000), stack: 'at handler' };
    const first = call('1', 'f', { stdout: 'early\n', error });
    store.appendInvocations([first, call('2', 'f'), call('3', 'f')], new Map(), 10);
    store.amendInvocations([
      { ...first, stdout: 'early\nlate\n', stderr: 'lät\0e\n' },
      call('2', 'f', { stderr: 'x' }),
      call('unknown', 'f', { stdout: 'x' }),
    ]);
    t.deepEqual(ids(store, 'f'), ['3', '2', '1']);
    t.deepEqual(store.getInvocation('1'), { ...first, stdout: 'early\nlate\n', stderr: 'lät\0e\n' });
    t.deepEqual(store.getInvocation('2'), call('2', 'f', { stderr: 'x' }));
    t.deepEqual(store.getInvocation('3'), call('3', 'f'));
    store.amendInvocations([first]);
    t.deepEqual(store.getInvocation('1'), first);
  });

  test(`${subject} forgets the oldest records of each function beyond the number to keep`, (t) => {
    const store = opened(t);
    for (const name of ['f', 'g']) store.publish(publication(name));
    store.appendInvocations([...calls(4, 'g', 'g'), ...calls(5, 'f')], new Map(), 5);
    store.appendInvocations([call('new', 'f')], new Map(), 5);
    t.deepEqual(ids(store, 'f'), ['new', 'c5', 'c4', 'c3', 'c2']);
    t.deepEqual(ids(store, 'g'), ['g4', 'g3', 'g2', 'g1']);
    store.appendInvocations([], new Map(), 2);
    t.deepEqual(ids(store, 'f'), ['new', 'c5']);
    t.deepEqual(ids(store, 'g'), ['g4', 'g3']);
    store.appendInvocations(calls(3, 'f', 'z'), new Map(), 0);
    t.deepEqual(ids(store, 'f'), []);
  });

  test(`${subject} pages through records with the id of the last one seen`, (t) => {
    const store = opened(t);
    for (const name of ['f', 'g']) store.publish(publication(name));
    for (const record of calls(5, 'f'))
      store.appendInvocations([record, call(`g-${record.id}`, 'g')], new Map(), 100);
    t.deepEqual(ids(store, 'f', 2), ['c5', 'c4']);
    t.deepEqual(ids(store, 'f', 2, 'c4'), ['c3', 'c2']);
    t.deepEqual(ids(store, 'f', 2, 'c2'), ['c1']);
    t.deepEqual(ids(store, 'f', 2, 'c1'), []);
    t.deepEqual(ids(store, 'f', 2, 'unknown'), []);
    t.deepEqual(ids(store, 'f', 2, 'g-c4'), []);
  });

  test(`${subject} hands out copies that a caller may change`, (t) => {
    const store = opened(t);
    const request = publication('f');
    store.publish({ ...request, settings: structuredClone(settings) }).settings.env.X = '1';
    store.listFunctions()[0]!.active.digest = 'changed';
    t.like(store.getFunction('f'), { settings: { env: {} }, active: { digest: request.version.digest } });
  });

  test(`${subject} throws StoreError when it is used after being closed`, (t) => {
    const store = opened(t);
    store.close();
    t.notThrows(() => store.close());
    for (const use of [
      () => store.check(),
      () => store.listFunctions(),
      () => store.publish(publication('f')),
      () => store.removeFunction('f'),
      () => store.appendInvocations([], new Map(), 1),
      () => store.getInvocation('x'),
    ]) {
      t.true(t.throws(use) instanceof StoreError);
    }
  });

  test(`${subject} behaves like a model under any sequence of operations`, (t) => {
    const name = fc.constantFrom('a', 'b', 'c');
    const id = fc.integer({ min: 0, max: 30 }).map(String);
    const operation = fc.oneof(
      fc.record({
        kind: fc.constant('publish' as const),
        name,
        version: fc.integer({ min: 1, max: 3 }),
        at: fc.nat(5),
      }),
      fc.record({ kind: fc.constant('settings' as const), name, memoryMb: fc.nat(512) }),
      fc.record({
        kind: fc.constant('versions' as const),
        name,
        versions: fc.array(fc.integer({ min: 1, max: 3 })),
      }),
      fc.record({ kind: fc.constant('remove' as const), name }),
      fc.record({
        kind: fc.constant('append' as const),
        records: fc.array(fc.record({ id, name, stdout: fc.string() }), { maxLength: 6 }),
        counted: fc.dictionary(name, fc.nat(9)),
        keep: fc.nat(4),
      }),
      fc.record({
        kind: fc.constant('amend' as const),
        records: fc.array(fc.record({ id, stderr: fc.string() }), { maxLength: 3 }),
      }),
    );
    const perform = (
      store: Store,
      op: typeof operation extends fc.Arbitrary<infer T> ? T : never,
    ): unknown => {
      try {
        switch (op.kind) {
          case 'publish':
            return store.publish(publication(op.name, op.version, op.at));
          case 'settings':
            return store.updateSettings(op.name, { ...settings, memoryMb: op.memoryMb }, 77);
          case 'versions':
            return store.removeVersions(op.name, op.versions);
          case 'remove':
            return store.removeFunction(op.name);
          case 'append':
            return store.appendInvocations(
              op.records.map((record) => call(record.id, record.name, { stdout: record.stdout })),
              new Map(
                Object.entries(op.counted).map(([key, count]) => [
                  key,
                  { invokeCount: count, errorCount: 0, lastInvokedAt: count === 0 ? null : count },
                ]),
              ),
              op.keep,
            );
          case 'amend':
            return store.amendInvocations(op.records.map(({ id, stderr }) => call(id, 'a', { stderr })));
        }
      } catch (error) {
        return error instanceof StoreError ? 'StoreError' : error;
      }
    };
    const everything = (store: Store): unknown => ({
      functions: store.listFunctions(),
      counters: [...store.listCounters()].sort(),
      names: ['a', 'b', 'c'].map((key) => [
        store.listVersions(key),
        store.listInvocations({ funcName: key, limit: 1000 }),
      ]),
    });
    // One store for all runs (opening one is most of the time); each run starts by removing what the last one left.
    const store = opened(t);
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 25 }), (operations) => {
        for (const key of ['a', 'b', 'c']) store.removeFunction(key);
        const model = new MemoryStore();
        for (const op of operations) t.deepEqual(perform(store, op), perform(model, op), JSON.stringify(op));
        t.deepEqual(everything(store), everything(model));
      }),
      { numRuns: 60 },
    );
    t.pass();
  });
}

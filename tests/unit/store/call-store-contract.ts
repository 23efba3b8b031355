/** Owns what every `CallStore` must do. Each implementation runs it from a test file of its own. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { FunctionCounters } from '../../../src/model/function/function.js';
import { StoreError } from '../../../src/model/store-error.js';
import type { CallStore } from '../../../src/store/call-store.js';
import { MemoryCallStore } from '../../helpers/memory-call-store.js';
import { call, calls, idOf } from './builders.js';

/** @param open an empty store; the suite closes it */
export function callStoreContract(subject: string, open: (t: ExecutionContext) => CallStore): void {
  const opened = (t: ExecutionContext): CallStore => {
    const store = open(t);
    t.teardown(() => store.close());
    return store;
  };
  const ids = async (store: CallStore, name: string, limit = 1000, before?: string): Promise<string[]> => {
    const query = { functionId: idOf(name), limit, ...(before === undefined ? {} : { before }) };
    return (await store.list(query)).map(({ id }) => id);
  };
  const none = new Map<never, never>();

  test(`${subject} is empty when new`, async (t) => {
    const store = opened(t);
    t.deepEqual(await store.listCounters(), new Map());
    t.deepEqual(await ids(store, 'a'), []);
    t.is(await store.get('a'), undefined);
    t.is(await store.functionOf('a'), undefined);
    await t.notThrowsAsync(store.check());
  });

  test(`${subject} returns a record of a call as it was given`, async (t) => {
    const store = opened(t);
    const records = [
      call('plain', 'f'),
      call('full', 'f', {
        method: null,
        path: null,
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
    await store.append(records, none, 10);
    for (const record of records) t.deepEqual(await store.get(record.id), record);
    t.deepEqual(await store.list({ functionId: idOf('f'), limit: 10 }), records.toReversed());
  });

  test(`${subject} replaces counters by function and keeps those that are not given`, async (t) => {
    const store = opened(t);
    const one: FunctionCounters = { invokeCount: 1, errorCount: 0, lastInvokedAt: null };
    const two = { invokeCount: 2, errorCount: 1, lastInvokedAt: 9 };
    await store.append([], new Map([[idOf('a'), one]]), 10);
    await store.append([], new Map([[idOf('b'), one]]), 10);
    await store.append([], new Map([[idOf('a'), two]]), 10);
    t.deepEqual(
      await store.listCounters(),
      new Map([
        [idOf('a'), two],
        [idOf('b'), one],
      ]),
    );
  });

  test(`${subject} tells the lives of one name apart`, async (t) => {
    const store = opened(t);
    const later = idOf('f', 2_000);
    const counted = { invokeCount: 1, errorCount: 0, lastInvokedAt: 1 };
    await store.append([call('1', 'f')], new Map([[idOf('f'), counted]]), 10);
    await store.append([call('2', 'f', { functionId: later })], none, 10);
    t.deepEqual(await ids(store, 'f'), ['1']);
    t.deepEqual(await store.list({ functionId: later, limit: 10, before: '1' }), []);
    t.deepEqual([...(await store.listCounters()).keys()], [idOf('f')]);
  });

  test(`${subject} forgets everything about a function, and nothing about others`, async (t) => {
    const store = opened(t);
    const counted = { invokeCount: 1, errorCount: 0, lastInvokedAt: 5 };
    const names = ['f', 'g', 'other'];
    await store.append(
      names.map((name) => call(`of-${name}`, name, { stdout: 'x' })),
      new Map(names.map((name) => [idOf(name), counted])),
      10,
    );
    await store.forget(idOf('f'));
    await store.forget(idOf('nobody'));
    t.is(await store.get('of-f'), undefined);
    t.is(await store.functionOf('of-f'), undefined);
    t.is(await store.functionOf('of-g'), idOf('g'));
    t.deepEqual([...(await store.listCounters()).keys()].sort(), [idOf('g'), idOf('other')].sort());
    await store.forgetOthers([idOf('other'), idOf('new')]);
    t.deepEqual([...(await store.listCounters()).keys()], [idOf('other')]);
    t.deepEqual(await ids(store, 'g'), []);
    t.deepEqual(await ids(store, 'other'), ['of-other']);
  });

  test(`${subject} keeps the first record when an id comes twice`, async (t) => {
    const store = opened(t);
    await store.append([call('1', 'f'), call('1', 'f', { status: 500 }), call('2', 'f')], none, 10);
    await store.append([call('1', 'g')], none, 10);
    t.is((await store.get('1'))?.status, 200);
    t.deepEqual(await ids(store, 'f'), ['2', '1']);
    t.deepEqual(await ids(store, 'g'), []);
  });

  test(`${subject} amends the output of a record, which keeps its place and all else`, async (t) => {
    const store = opened(t);
    const error = { code: 'FUNCTION_ERROR', message: 'm'.repeat(5_000), stack: 'at handler' };
    const first = call('1', 'f', { stdout: 'early\n', error });
    await store.append([first, call('2', 'f'), call('3', 'f')], none, 10);
    await store.amend([
      { ...first, stdout: 'early\nlate\n', stderr: 'lät\0e\n' },
      call('2', 'f', { stderr: 'x' }),
      call('unknown', 'f', { stdout: 'x' }),
    ]);
    t.deepEqual(await ids(store, 'f'), ['3', '2', '1']);
    t.deepEqual(await store.get('1'), { ...first, stdout: 'early\nlate\n', stderr: 'lät\0e\n' });
    t.deepEqual(await store.get('2'), call('2', 'f', { stderr: 'x' }));
    t.deepEqual(await store.get('3'), call('3', 'f'));
    await store.amend([first]);
    t.deepEqual(await store.get('1'), first);
  });

  test(`${subject} forgets the oldest records of each function beyond the number to keep`, async (t) => {
    const store = opened(t);
    await store.append([...calls(4, 'g', 'g'), ...calls(5, 'f')], none, 5);
    await store.append([call('new', 'f')], none, 5);
    t.deepEqual(await ids(store, 'f'), ['new', 'c5', 'c4', 'c3', 'c2']);
    t.deepEqual(await ids(store, 'g'), ['g4', 'g3', 'g2', 'g1']);
    await store.append([], none, 2);
    t.deepEqual(await ids(store, 'f'), ['new', 'c5']);
    t.deepEqual(await ids(store, 'g'), ['g4', 'g3']);
    await store.append(calls(3, 'f', 'z'), none, 0);
    t.deepEqual(await ids(store, 'f'), []);
  });

  test(`${subject} pages through records with the id of the last one seen`, async (t) => {
    const store = opened(t);
    for (const record of calls(5, 'f')) await store.append([record, call(`g-${record.id}`, 'g')], none, 100);
    t.deepEqual(await ids(store, 'f', 2), ['c5', 'c4']);
    t.deepEqual(await ids(store, 'f', 2, 'c4'), ['c3', 'c2']);
    t.deepEqual(await ids(store, 'f', 2, 'c2'), ['c1']);
    t.deepEqual(await ids(store, 'f', 2, 'c1'), []);
    t.deepEqual(await ids(store, 'f', 2, 'unknown'), []);
    t.deepEqual(await ids(store, 'f', 2, 'g-c4'), []);
  });

  test(`${subject} takes changes in the order in which they are asked for`, async (t) => {
    const store = opened(t);
    await Promise.all([
      ...calls(3, 'f').map((record) => store.append([record], none, 10)),
      store.amend([call('c2', 'f', { stdout: 'late' })]),
      store.append([call('gone', 'g')], none, 10),
      store.forget(idOf('g')),
    ]);
    t.deepEqual(await ids(store, 'f'), ['c3', 'c2', 'c1']);
    t.is((await store.get('c2'))?.stdout, 'late');
    t.is(await store.get('gone'), undefined);
  });

  test(`${subject} rejects with StoreError when it is used after being closed`, async (t) => {
    const store = opened(t);
    await store.close();
    await t.notThrowsAsync(store.close());
    for (const use of [
      () => store.check(),
      () => store.listCounters(),
      () => store.append([], none, 1),
      () => store.get('x'),
      () => store.forget(idOf('f')),
    ]) {
      t.true((await t.throwsAsync(use())) instanceof StoreError);
    }
  });

  test(`${subject} behaves like a model under any sequence of operations`, async (t) => {
    const names = ['a', 'b', 'c'];
    const name = fc.constantFrom(...names);
    const id = fc.integer({ min: 0, max: 30 }).map(String);
    const operation = fc.oneof(
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
      fc.record({ kind: fc.constant('forget' as const), name }),
      fc.record({ kind: fc.constant('others' as const), alive: fc.array(name) }),
    );
    const perform = async (
      store: CallStore,
      op: typeof operation extends fc.Arbitrary<infer T> ? T : never,
    ): Promise<void> => {
      switch (op.kind) {
        case 'append':
          return store.append(
            op.records.map((record) => call(record.id, record.name, { stdout: record.stdout })),
            new Map(
              Object.entries(op.counted).map(([key, count]) => [
                idOf(key),
                { invokeCount: count, errorCount: 0, lastInvokedAt: count === 0 ? null : count },
              ]),
            ),
            op.keep,
          );
        case 'amend':
          return store.amend(op.records.map(({ id: key, stderr }) => call(key, 'a', { stderr })));
        case 'forget':
          return store.forget(idOf(op.name));
        case 'others':
          return store.forgetOthers(op.alive.map((key) => idOf(key)));
      }
    };
    const everything = async (store: CallStore): Promise<unknown> => ({
      counters: [...(await store.listCounters())].sort(),
      records: await Promise.all(names.map((key) => store.list({ functionId: idOf(key), limit: 1000 }))),
    });
    const store = opened(t);
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
        await store.forgetOthers([]);
        const model = new MemoryCallStore();
        for (const op of operations) {
          await perform(store, op);
          await perform(model, op);
        }
        t.deepEqual(await everything(store), await everything(model));
      }),
      { numRuns: 60 },
    );
    t.pass();
  });
}

import test, { type ExecutionContext } from 'ava';
import { GlambdarError } from '../../../src/errors.js';
import { createLogs } from '../../../src/invocation/logs.js';
import { Recorder } from '../../../src/invocation/recorder.js';
import { createLogger } from '../../../src/logger.js';
import type { CallRecord } from '../../../src/model/call/call.js';
import type { FunctionCounters } from '../../../src/model/function/function.js';
import { StoreError } from '../../../src/model/store-error.js';
import { MemoryCallStore } from '../../helpers/memory-call-store.js';
import { until } from '../../helpers/pool-fixture.js';
import { call, calls, idOf, refOf } from '../store/builders.js';

/** A store, with a recorder and logs of the functions `f` and `g` on it. */
function setUp(t: ExecutionContext, keepPerFunction = 100) {
  const store = new MemoryCallStore();
  const fresh = (): FunctionCounters => ({ invokeCount: 0, errorCount: 0, lastInvokedAt: null });
  const counters = new Map([
    [idOf('f'), fresh()],
    [idOf('g'), fresh()],
  ]);
  const recorder = new Recorder({
    store,
    counters: (id) => counters.get(id),
    keepPerFunction,
    logger: createLogger('silent'),
  });
  t.teardown(() => recorder.close());
  const logs = createLogs({
    store,
    recorder,
    idOf: ({ name }) => {
      if (!counters.has(idOf(name))) throw new GlambdarError('FUNCTION_NOT_FOUND', 'Function not found!');
      return idOf(name);
    },
    namespaceOf: (id) => (counters.has(id) ? 'default' : undefined),
  });
  const add = (record: CallRecord, amended?: Promise<boolean>): void => recorder.add(record, amended);
  return { store, counters, recorder, add, fresh, logs };
}

const stored = async (store: MemoryCallStore, name = 'f'): Promise<string[]> =>
  (await store.list({ functionId: idOf(name), limit: 1000 })).map(({ id }) => id);

/** A promise and its end. */
function deferred(): {
  promise: Promise<boolean>;
  resolve: (changed: boolean) => void;
  reject: (error: Error) => void;
} {
  let resolve!: (changed: boolean) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<boolean>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

test('records are written together and of their own accord', async (t) => {
  const { add, store, recorder } = setUp(t);
  for (const record of calls(3, 'f')) add(record);
  t.deepEqual(await stored(store), []);
  await until(() => recorder.pending().length === 0);
  t.deepEqual(await stored(store), ['c3', 'c2', 'c1']);
  t.deepEqual(recorder.pending(), []);
});

test('a record can be read before it is written', async (t) => {
  const { add, logs, store } = setUp(t);
  add(call('a', 'f', { invokedAt: 0 }));
  t.like(await logs.get('a', 'default'), { id: 'a', invokedAt: '1970-01-01T00:00:00.000Z' });
  t.true(await logs.has('a'));
  t.deepEqual(await stored(store), []);
  await t.throwsAsync(logs.get('b', 'default'), { code: 'INVOCATION_NOT_FOUND' } as never);
});

test('counters follow the outcomes and are written with the records', async (t) => {
  const { add, recorder, counters, store } = setUp(t);
  add(call('a', 'f', { invokedAt: 20 }));
  add(call('b', 'f', { invokedAt: 10, outcome: 'crash' }));
  add(call('c', 'f', { invokedAt: 15, outcome: 'cancelled' }));
  t.deepEqual(counters.get(idOf('f')), { invokeCount: 3, errorCount: 1, lastInvokedAt: 20 });
  await recorder.flush();
  t.deepEqual(
    await store.listCounters(),
    new Map([[idOf('f'), { invokeCount: 3, errorCount: 1, lastInvokedAt: 20 }]]),
  );
});

test('listeners of a function that is deleted are told once, and those that had left are not', (t) => {
  const { recorder } = setUp(t);
  const told: string[] = [];
  const listen = (name: string): (() => void) =>
    recorder.onRecord(
      idOf('f'),
      ({ id }) => told.push(`${name} ${id}`),
      () => told.push(`${name} removed`),
    );
  listen('first');
  listen('second')();
  recorder.onRecord(
    idOf('g'),
    () => undefined,
    () => told.push('other removed'),
  );
  recorder.forget(idOf('f'));
  recorder.forget(idOf('f'));
  recorder.add(call('late', 'f'));
  t.deepEqual(told, ['first removed']);
});

test('nothing of a function that is gone is kept, also when there is another of its name', async (t) => {
  const { recorder, counters, fresh, logs, store } = setUp(t);
  const later = idOf('f', 2_000);
  const seen: string[] = [];
  recorder.onRecord(idOf('f'), ({ id }) => seen.push(id));
  const output = deferred();
  const written = call('written', 'f');
  recorder.add(written, output.promise);
  await recorder.flush();
  recorder.add(call('waiting', 'f'));
  t.deepEqual(seen, ['waiting']);
  await store.forget(idOf('f'));
  counters.delete(idOf('f'));
  t.false(await logs.has('waiting'));
  counters.set(later, fresh());
  written.stdout = 'of the one before';
  output.resolve(true);
  await output.promise;
  recorder.add(call('running', 'f'));
  recorder.add(call('mine', 'f', { functionId: later }));
  t.deepEqual(
    recorder.pending().map(({ id }) => id),
    ['mine'],
  );
  await recorder.flush();
  t.deepEqual(await stored(store), []);
  t.deepEqual(
    (await store.list({ functionId: later, limit: 10 })).map(({ id }) => id),
    ['mine'],
  );
  t.is(counters.get(later)!.invokeCount, 1);
  t.deepEqual(seen, ['waiting']);
});

test('a record that a removal could not take with it is not shown', async (t) => {
  const { add, recorder, counters, logs } = setUp(t);
  add(call('a', 'f'));
  await recorder.flush();
  counters.delete(idOf('f'));
  await t.throwsAsync(logs.get('a', 'default'), { code: 'INVOCATION_NOT_FOUND' } as never);
  t.true(await logs.has('a'), 'and its id is not given to another call');
});

test('a batch that is being written leaves out a function that goes meanwhile', async (t) => {
  const { add, recorder, counters, store } = setUp(t, 10_000);
  for (const record of calls(2_500, 'f')) add(record);
  await until(() => recorder.pending().length < 2_500);
  t.true(recorder.pending().length > 0);
  counters.delete(idOf('f'));
  await store.forget(idOf('f'));
  await new Promise((resolve) => setImmediate(resolve));
  await recorder.flush();
  t.deepEqual(await stored(store), []);
});

/** Makes every append wait until it is let go. */
function holdAppends(store: MemoryCallStore): { begun: () => Promise<void>; release: () => void } {
  const append = store.append.bind(store);
  let release!: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  let begin!: () => void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  store.append = async (...args) => {
    begin();
    await released;
    return append(...args);
  };
  return { begun: () => begun, release };
}

test('records that come while others are written are written after them, in their order, by the same flush or the next', async (t) => {
  const { add, recorder, store } = setUp(t);
  const held = holdAppends(store);
  add(call('a', 'f'));
  const first = recorder.flush();
  await held.begun();
  add(call('b', 'f'));
  const second = recorder.flush();
  add(call('c', 'f'));
  held.release();
  await Promise.all([first, second]);
  t.deepEqual((await stored(store)).slice(-2), ['b', 'a']);
  await recorder.flush();
  t.deepEqual(await stored(store), ['c', 'b', 'a']);
});

test('output that comes while its record is written is not lost', async (t) => {
  const { add, recorder, store } = setUp(t);
  const held = holdAppends(store);
  const output = deferred();
  const record = call('a', 'f');
  add(record, output.promise);
  const append = store.append.bind(store);
  // A store of another machine has its own copy by then.
  store.append = (records, ...rest) => append(structuredClone(records), ...rest);
  const flushed = recorder.flush();
  await held.begun();
  record.stdout = 'late';
  output.resolve(true);
  await output.promise;
  held.release();
  await flushed;
  await recorder.flush();
  t.is((await store.get('a'))?.stdout, 'late');
});

test('a record that is given up for room while it is written after all is not counted as dropped', async (t) => {
  const { add, recorder, store } = setUp(t, 10_000);
  const held = holdAppends(store);
  add(call('first', 'f'));
  const flushed = recorder.flush();
  await held.begun();
  for (const record of calls(5_000, 'f')) add(record);
  t.is(recorder.dropped, 1);
  held.release();
  await flushed;
  t.is(recorder.dropped, 0);
  t.truthy(await store.get('first'));
});

test('who follows first and lists then gets every record once, whenever it comes', async (t) => {
  const { add, recorder, logs, store } = setUp(t);
  const [early, late] = [deferred(), deferred()];
  add(call('before', 'f'));
  add(call('early', 'f'), early.promise);
  add(call('late', 'f'), late.promise);
  const seen: string[] = [];
  logs.follow(refOf('f'), ({ id }) => seen.push(id));
  const held = holdAppends(store);
  const listed = logs.list(refOf('f'), { limit: 10, final: true });
  await held.begun();
  add(call('meanwhile', 'f'));
  early.resolve(false);
  await early.promise;
  held.release();
  const history = (await listed).map(({ id }) => id).filter((id) => !seen.includes(id));
  late.resolve(false);
  await late.promise;
  t.deepEqual(history, ['before']);
  t.deepEqual(seen, ['meanwhile', 'early', 'late']);
  await recorder.flush();
});

test('only the newest records of a function are kept', async (t) => {
  const { add, recorder, store } = setUp(t, 2);
  for (const record of calls(5, 'f')) add(record);
  await recorder.flush();
  t.deepEqual(await stored(store), ['c5', 'c4']);
});

/** Notes how many records each write had. */
function watchWrites(store: MemoryCallStore): number[] {
  const sizes: number[] = [];
  const append = store.append.bind(store);
  store.append = (records, ...rest) => {
    sizes.push(records.length);
    return append(records, ...rest);
  };
  return sizes;
}

test('records that would be forgotten at once are not written', async (t) => {
  const { add, recorder, store, counters } = setUp(t, 2);
  const sizes = watchWrites(store);
  for (const record of calls(5, 'f')) add(record);
  for (const record of calls(1, 'g', 'other')) add(record);
  await recorder.flush();
  t.deepEqual(sizes, [3]);
  t.deepEqual(await stored(store), ['c5', 'c4']);
  t.deepEqual(await stored(store, 'g'), ['other1']);
  t.is((await store.listCounters()).get(idOf('f'))?.invokeCount, 5);
  t.is(counters.get(idOf('f'))?.invokeCount, 5);
});

test('many records are written without waiting for the time, and in slices', async (t) => {
  const { add, recorder, store } = setUp(t, 10_000);
  const sizes = watchWrites(store);
  for (const record of calls(2_500, 'f')) add(record);
  t.deepEqual(sizes, [], 'not in the midst of a call');
  for (let turn = 0; turn < 100 && recorder.pending().length > 0; turn += 1)
    await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(recorder.pending(), []);
  t.is(Math.max(...sizes), 200);
  t.is((await stored(store))[0], 'c2500');
  t.is((await store.listCounters()).get(idOf('f'))?.invokeCount, 2_500);
});

test('records that newer ones push out while they are being written are not counted as dropped', async (t) => {
  const { add, recorder, store } = setUp(t, 100);
  const append = store.append.bind(store);
  const late = calls(3_000, 'f', 'late');
  store.append = async (...args) => {
    for (const record of late.splice(0)) add(record);
    return append(...args);
  };
  for (const record of calls(100, 'f', 'early')) add(record);
  await recorder.flush();
  await recorder.flush();
  t.is(recorder.dropped, 0);
  t.is((await stored(store))[0], 'late3000');
});

// Before the others, which would hold this thread until it is time.
test.serial(
  'a function that fills its share many times over is written when it is time, and once',
  async (t) => {
    const { add, recorder, store } = setUp(t, 100);
    const sizes = watchWrites(store);
    for (const record of calls(6_000, 'f')) add(record);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    t.deepEqual(sizes, []);
    t.true(recorder.pending().length < 2_500);
    await recorder.flush();
    t.deepEqual(sizes, [100]);
    t.is((await stored(store))[0], 'c6000');
    t.is(recorder.dropped, 0);
    t.is((await store.listCounters()).get(idOf('f'))?.invokeCount, 6_000);
  },
);

test('records that hold much text are written soon, and few at a time', async (t) => {
  const { add, recorder, store } = setUp(t, 10_000);
  const sizes = watchWrites(store);
  const stdout = 'x'.repeat(200 * 1024);
  for (const record of calls(21, 'f')) add({ ...record, stdout });
  t.deepEqual(sizes, []);
  for (let turn = 0; turn < 100 && recorder.pending().length > 0; turn += 1)
    await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(recorder.pending(), []);
  t.is(Math.max(...sizes), 2);
  t.is((await stored(store)).length, 21);
});

test('text that cannot be written is bounded too, what came later included', async (t) => {
  const { add, recorder, store } = setUp(t, 10_000);
  const outputs = Array.from({ length: 20 }, deferred);
  const open = calls(20, 'f', 'open');
  open.forEach((record, index) => add(record, outputs[index]!.promise));
  await recorder.flush();
  store.failure = new StoreError('disk I/O error', { full: true });
  const stdout = 'x'.repeat(1024 * 1024);
  for (const record of calls(40, 'f')) add({ ...record, stdout });
  t.is(recorder.pending().length, 32);
  t.is(recorder.pending()[0]!.id, 'c9');
  open.forEach((record, index) => {
    record.stdout = stdout;
    outputs[index]!.resolve(true);
  });
  await Promise.all(outputs.map(({ promise }) => promise));
  t.is(recorder.pending().length, 12);
  t.is(recorder.dropped, 28);
  store.failure = undefined;
  await recorder.flush();
  t.deepEqual(recorder.pending(), []);
  t.is((await stored(store)).length, 32);
  t.is((await store.get('open1'))?.stdout.length, stdout.length);
});

test('what is left of a batch in slices is written by close, once', async (t) => {
  const { add, recorder, store } = setUp(t, 10_000);
  const sizes = watchWrites(store);
  for (const record of calls(2_600, 'f')) add(record);
  await recorder.close();
  t.deepEqual(sizes, [2_600]);
});

test('records stay readable when the store fails, and are written when it is whole again', async (t) => {
  const { add, recorder, logs, store } = setUp(t);
  store.failure = new StoreError('disk I/O error', { full: true });
  add(call('a', 'f'));
  await t.notThrowsAsync(recorder.flush());
  t.is((await logs.get('a', 'default')).id, 'a');
  store.failure = undefined;
  await recorder.flush();
  t.deepEqual(await stored(store), ['a']);
  t.is(recorder.dropped, 0);
});

test('the oldest records are given up and counted when the store fails for long', async (t) => {
  const { add, recorder, store } = setUp(t, 10_000);
  store.failure = new StoreError('disk I/O error', { full: true });
  for (const record of calls(5_003, 'f')) add(record);
  t.is(recorder.dropped, 3);
  t.is(recorder.pending().length, 5_000);
  store.failure = undefined;
  await recorder.flush();
  t.is(await store.get('c3'), undefined);
  t.is((await store.get('c4'))?.id, 'c4');
});

test('a record is written in its turn, and amended when its output has come', async (t) => {
  const { add, recorder, logs, store } = setUp(t);
  const output = deferred();
  const record = call('a', 'f');
  add(record, output.promise);
  add(call('b', 'f'));
  await recorder.flush();
  t.deepEqual(await stored(store), ['b', 'a']);
  t.is((await logs.get('a', 'default')).stdout, '');
  record.stdout = 'late';
  output.resolve(true);
  await until(() => recorder.find('a')?.stdout === 'late');
  t.is((await store.get('a'))?.stdout, '', 'it can be read before it is written');
  await until(() => recorder.find('a') === undefined);
  t.is((await store.get('a'))?.stdout, 'late');
  t.is(recorder.find('a'), undefined);
  t.deepEqual(await stored(store), ['b', 'a']);
});

test('output that comes before the record is written is written with it; none is not written at all', async (t) => {
  const { add, recorder, store } = setUp(t);
  store.amend = async () => t.fail('nothing is to be amended');
  const [early, none, failed] = [deferred(), deferred(), deferred()];
  const record = call('early', 'f');
  add(record, early.promise);
  add(call('none', 'f'), none.promise);
  add(call('failed', 'f'), failed.promise);
  record.stdout = 'soon';
  early.resolve(true);
  await early.promise;
  await recorder.flush();
  none.resolve(false);
  failed.reject(new Error('no output'));
  await none.promise;
  await recorder.close();
  t.deepEqual(await stored(store), ['failed', 'none', 'early']);
  t.is((await store.get('early'))?.stdout, 'soon');
});

test('output is kept while the store fails, and what comes after close is left out', async (t) => {
  const { add, recorder, logs, store } = setUp(t);
  const [first, second] = [deferred(), deferred()];
  const [a, b] = [call('a', 'f'), call('b', 'f')];
  add(a, first.promise);
  add(b, second.promise);
  await recorder.flush();
  store.failure = new StoreError('disk I/O error', { full: true });
  a.stdout = 'late';
  first.resolve(true);
  await until(() => recorder.find('a') !== undefined);
  await recorder.flush();
  t.is((await logs.get('a', 'default')).stdout, 'late');
  store.failure = undefined;
  await recorder.close();
  t.is((await store.get('a'))?.stdout, 'late');
  store.amend = async () => t.fail('closed');
  b.stdout = 'too late';
  second.resolve(true);
  await second.promise;
  await recorder.flush();
});

test('who follows a function gets its records as they are finished, until they stop', async (t) => {
  const { add, logs } = setUp(t);
  const seen: string[] = [];
  const stop = logs.follow(refOf('f'), ({ id, invokedAt, stdout }) =>
    seen.push(`${id} ${invokedAt.slice(0, 4)} ${stdout}`),
  );
  const output = deferred();
  const open = call('open', 'f');
  add(open, output.promise);
  add(call('of-another', 'g'));
  add(call('done', 'f'));
  t.deepEqual(seen, ['done 2023 ']);
  open.stdout = 'late';
  output.resolve(true);
  await until(() => seen.length === 2);
  t.deepEqual(seen, ['done 2023 ', 'open 2023 late']);
  stop();
  add(call('after', 'f'));
  t.is(seen.length, 2);
  t.throws(() => logs.follow(refOf('nope'), () => undefined), { code: 'FUNCTION_NOT_FOUND' } as never);
});

test('a function may be called like an event of Node', async (t) => {
  const { add, counters, logs } = setUp(t);
  counters.set(idOf('error'), { invokeCount: 0, errorCount: 0, lastInvokedAt: null });
  t.notThrows(() => add(call('a', 'error')));
  const seen: string[] = [];
  logs.follow(refOf('error'), ({ id }) => seen.push(id));
  add(call('b', 'error'));
  t.deepEqual(seen, ['b']);
});

test('a list may leave out what is not final yet', async (t) => {
  const { add, logs } = setUp(t);
  const output = deferred();
  add(call('a', 'f'));
  add(call('open', 'f'), output.promise);
  const final = async () => (await logs.list(refOf('f'), { limit: 10, final: true })).map(({ id }) => id);
  t.deepEqual(await final(), ['a']);
  output.resolve(false);
  await output.promise;
  t.deepEqual(await final(), ['open', 'a']);
});

test('a list goes from the call that ended last to the one that ended first, page by page', async (t) => {
  const { add, logs, store } = setUp(t);
  const never = deferred().promise;
  const list = async (limit: number, before?: string) =>
    (await logs.list(refOf('f'), { limit, ...(before === undefined ? {} : { before }) })).map(({ id }) => id);
  add(call('open', 'f'), never);
  for (const record of calls(3, 'f')) add(record);
  add(call('other', 'g'), never);
  t.deepEqual(await list(100), ['c3', 'c2', 'c1', 'open']);
  const { append } = store;
  store.append = async () => {
    throw new StoreError('disk I/O error', { full: true });
  };
  for (const record of calls(3, 'f', 'unwritten')) add(record, never);
  const all = ['unwritten3', 'unwritten2', 'unwritten1', 'c3', 'c2', 'c1', 'open'];
  t.deepEqual(await list(100), all);
  t.deepEqual(await list(2), ['unwritten3', 'unwritten2']);
  t.deepEqual(await list(3), ['unwritten3', 'unwritten2', 'unwritten1']);
  for (const [index, id] of all.entries())
    t.deepEqual(await list(3, id), all.slice(index + 1, index + 4), `before ${id}`);
  t.deepEqual(await list(10, 'unknown'), []);
  store.append = append;
  await t.throwsAsync(logs.list(refOf('nope'), { limit: 1 }), { code: 'FUNCTION_NOT_FOUND' } as never);
});

test('a list is as long as its JSON may be, whatever the output is made of, and never empty', async (t) => {
  for (const [character, count] of [
    ['x', 7],
    ['\x01', 1],
    ['\u20ac', 2],
  ] as const) {
    const { add, logs } = setUp(t);
    const text = character.repeat(256 * 1024);
    for (const record of calls(12, 'f')) add({ ...record, stdout: text, stderr: text });
    const list = await logs.list(refOf('f'), { limit: 1000 });
    t.is(list.length, count);
    t.true(Buffer.byteLength(JSON.stringify(list)) <= 4 * 1024 * 1024);
  }
  const { add, logs } = setUp(t);
  add({ ...call('large', 'f'), stdout: 'x'.repeat(5 * 1024 * 1024) });
  t.is((await logs.list(refOf('f'), { limit: 1000 })).length, 1);
});

test('the record of a call is read for the namespace of its function alone', async (t) => {
  const { store, recorder, add, logs } = setUp(t);
  add(call('a', 'f'));
  await recorder.flush();
  const read: string[] = [];
  const get = store.get.bind(store);
  store.functionOf = async (id) => (await get(id))?.functionId;
  store.get = (id) => {
    read.push(id);
    return get(id);
  };
  for (const id of ['a', 'none'])
    await t.throwsAsync(logs.get(id, 'other'), { message: /^No record of such a call is kept; / });
  t.true(await logs.has('a'));
  t.deepEqual(read, []);
  t.is((await logs.get('a', 'default')).id, 'a');
});

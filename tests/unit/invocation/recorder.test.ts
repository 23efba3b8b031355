import test, { type ExecutionContext } from 'ava';
import { GlambdarError } from '../../../src/errors.js';
import { createLogs } from '../../../src/invocation/logs.js';
import { Recorder } from '../../../src/invocation/recorder.js';
import { createLogger } from '../../../src/logger.js';
import type { FunctionCounters, InvocationRecord } from '../../../src/model/records.js';
import { StoreError } from '../../../src/store/store.js';
import { MemoryStore } from '../../helpers/memory-store.js';
import { until } from '../../helpers/pool-fixture.js';
import { call, calls, publication } from '../store/builders.js';

/** A store with the functions `f` and `g`, a recorder and logs on it. */
function setUp(t: ExecutionContext, keepPerFunction = 100) {
  const store = new MemoryStore();
  const fresh = (): FunctionCounters => ({ invokeCount: 0, errorCount: 0, lastInvokedAt: null });
  const counters = new Map([
    ['f', fresh()],
    ['g', fresh()],
  ]);
  for (const name of counters.keys()) store.publish(publication(name));
  const recorder = new Recorder({
    store,
    counters: (name) => counters.get(name),
    keepPerFunction,
    logger: createLogger('silent'),
  });
  t.teardown(() => recorder.close());
  const assertDeployed = (name: string): void => {
    if (!counters.has(name)) throw new GlambdarError('FUNCTION_NOT_FOUND', 'Function not found!');
  };
  const add = (record: InvocationRecord, amended?: Promise<boolean>): void =>
    recorder.add(record, counters.get(record.funcName)!, amended);
  return { store, counters, recorder, add, fresh, logs: createLogs({ store, recorder, assertDeployed }) };
}

const stored = (store: MemoryStore, funcName = 'f') =>
  store.listInvocations({ funcName, limit: 1000 }).map(({ id }) => id);

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
  t.deepEqual(stored(store), []);
  await until(() => stored(store).length > 0);
  t.deepEqual(stored(store), ['c3', 'c2', 'c1']);
  t.deepEqual(recorder.pending(), []);
});

test('a record can be read before it is written', (t) => {
  const { add, logs, store } = setUp(t);
  add(call('a', 'f', { invokedAt: 0 }));
  t.like(logs.get('a'), { id: 'a', invokedAt: '1970-01-01T00:00:00.000Z' });
  t.true(logs.has('a'));
  t.deepEqual(stored(store), []);
  t.throws(() => logs.get('b'), { code: 'INVOCATION_NOT_FOUND' } as never);
});

test('counters follow the outcomes and are written with the records', (t) => {
  const { add, recorder, counters, store } = setUp(t);
  add(call('a', 'f', { invokedAt: 20 }));
  add(call('b', 'f', { invokedAt: 10, outcome: 'crash' }));
  add(call('c', 'f', { invokedAt: 15, outcome: 'cancelled' }));
  t.deepEqual(counters.get('f'), { invokeCount: 3, errorCount: 1, lastInvokedAt: 20 });
  recorder.flush();
  t.deepEqual(store.listCounters(), new Map([['f', { invokeCount: 3, errorCount: 1, lastInvokedAt: 20 }]]));
});

test('nothing of a function that is gone is kept, also when there is another of its name', async (t) => {
  const { recorder, counters, fresh, logs, store } = setUp(t);
  const before = counters.get('f')!;
  const seen: string[] = [];
  recorder.onRecord('f', ({ id }) => seen.push(id));
  const output = deferred();
  const written = call('written', 'f');
  recorder.add(written, before, output.promise);
  recorder.flush();
  recorder.add(call('waiting', 'f'), before);
  t.deepEqual(seen, ['waiting']);
  store.removeFunction('f');
  counters.delete('f');
  t.false(logs.has('waiting'));
  store.publish(publication('f'));
  counters.set('f', fresh());
  written.stdout = 'of the one before';
  output.resolve(true);
  await output.promise;
  recorder.add(call('running', 'f'), before);
  recorder.add(call('mine', 'f'), counters.get('f')!);
  t.deepEqual(
    recorder.pending().map(({ id }) => id),
    ['mine'],
  );
  recorder.flush();
  t.deepEqual(stored(store), ['mine']);
  t.is(counters.get('f')!.invokeCount, 1);
  t.deepEqual(seen, ['waiting']);
});

test('a batch that is being written leaves out a function that goes meanwhile', async (t) => {
  const { add, recorder, counters, fresh, store } = setUp(t, 10_000);
  for (const record of calls(2_500, 'f')) add(record);
  await until(() => recorder.pending().length < 2_500);
  t.true(recorder.pending().length > 0);
  store.removeFunction('f');
  store.publish(publication('f'));
  counters.set('f', fresh());
  await new Promise((resolve) => setImmediate(resolve));
  recorder.flush();
  t.deepEqual(stored(store), []);
});

test('only the newest records of a function are kept', (t) => {
  const { add, recorder, store } = setUp(t, 2);
  for (const record of calls(5, 'f')) add(record);
  recorder.flush();
  t.deepEqual(stored(store), ['c5', 'c4']);
});

/** Notes how many records each write had. */
function watchWrites(store: MemoryStore): number[] {
  const sizes: number[] = [];
  const append = store.appendInvocations.bind(store);
  store.appendInvocations = (records, ...rest) => {
    sizes.push(records.length);
    append(records, ...rest);
  };
  return sizes;
}

test('records that would be forgotten at once are not written', (t) => {
  const { add, recorder, store, counters } = setUp(t, 2);
  const sizes = watchWrites(store);
  for (const record of calls(5, 'f')) add(record);
  for (const record of calls(1, 'g', 'other')) add(record);
  recorder.flush();
  t.deepEqual(sizes, [3]);
  t.deepEqual(stored(store), ['c5', 'c4']);
  t.deepEqual(stored(store, 'g'), ['other1']);
  t.is(store.listCounters().get('f')?.invokeCount, 5);
  t.is(counters.get('f')?.invokeCount, 5);
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
  t.is(stored(store)[0], 'c2500');
  t.is(store.listCounters().get('f')?.invokeCount, 2_500);
});

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
  t.is(stored(store).length, 21);
});

test('text that cannot be written is bounded too, what came later included', async (t) => {
  const { add, recorder, store } = setUp(t, 10_000);
  const outputs = Array.from({ length: 20 }, deferred);
  const open = calls(20, 'f', 'open');
  open.forEach((record, index) => add(record, outputs[index]!.promise));
  recorder.flush();
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
  recorder.flush();
  t.deepEqual(recorder.pending(), []);
  t.is(stored(store).length, 32);
  t.is(store.getInvocation('open1')?.stdout.length, stdout.length);
});

test('what is left of a batch in slices is written by close, once', (t) => {
  const { add, recorder, store } = setUp(t, 10_000);
  const sizes = watchWrites(store);
  for (const record of calls(2_600, 'f')) add(record);
  recorder.close();
  t.deepEqual(sizes, [2_600]);
});

test('records stay readable when the store fails, and are written when it is whole again', (t) => {
  const { add, recorder, logs, store } = setUp(t);
  store.failure = new StoreError('disk I/O error', { full: true });
  add(call('a', 'f'));
  t.notThrows(() => recorder.flush());
  t.is(logs.get('a').id, 'a');
  store.failure = undefined;
  recorder.flush();
  t.deepEqual(stored(store), ['a']);
  t.is(recorder.dropped, 0);
});

test('the oldest records are given up and counted when the store fails for long', (t) => {
  const { add, recorder, store } = setUp(t, 10_000);
  store.failure = new StoreError('disk I/O error', { full: true });
  for (const record of calls(5_003, 'f')) add(record);
  t.is(recorder.dropped, 3);
  t.is(recorder.pending().length, 5_000);
  store.failure = undefined;
  recorder.flush();
  t.is(store.getInvocation('c3'), undefined);
  t.is(store.getInvocation('c4')?.id, 'c4');
});

test('a record is written in its turn, and amended when its output has come', async (t) => {
  const { add, recorder, logs, store } = setUp(t);
  const output = deferred();
  const record = call('a', 'f');
  add(record, output.promise);
  add(call('b', 'f'));
  recorder.flush();
  t.deepEqual(stored(store), ['b', 'a']);
  t.is(logs.get('a').stdout, '');
  record.stdout = 'late';
  output.resolve(true);
  await until(() => logs.get('a').stdout === 'late');
  t.is(store.getInvocation('a')?.stdout, '', 'it can be read before it is written');
  await until(() => store.getInvocation('a')?.stdout === 'late');
  t.is(recorder.find('a'), undefined);
  t.deepEqual(stored(store), ['b', 'a']);
});

test('output that comes before the record is written is written with it; none is not written at all', async (t) => {
  const { add, recorder, store } = setUp(t);
  store.amendInvocations = () => t.fail('nothing is to be amended');
  const [early, none, failed] = [deferred(), deferred(), deferred()];
  const record = call('early', 'f');
  add(record, early.promise);
  add(call('none', 'f'), none.promise);
  add(call('failed', 'f'), failed.promise);
  record.stdout = 'soon';
  early.resolve(true);
  await early.promise;
  recorder.flush();
  none.resolve(false);
  failed.reject(new Error('no output'));
  await none.promise;
  recorder.close();
  t.deepEqual(stored(store), ['failed', 'none', 'early']);
  t.is(store.getInvocation('early')?.stdout, 'soon');
});

test('output is kept while the store fails, and what comes after close is left out', async (t) => {
  const { add, recorder, logs, store } = setUp(t);
  const [first, second] = [deferred(), deferred()];
  const [a, b] = [call('a', 'f'), call('b', 'f')];
  add(a, first.promise);
  add(b, second.promise);
  recorder.flush();
  store.failure = new StoreError('disk I/O error', { full: true });
  a.stdout = 'late';
  first.resolve(true);
  await until(() => recorder.find('a') !== undefined);
  recorder.flush();
  t.is(logs.get('a').stdout, 'late');
  store.failure = undefined;
  recorder.close();
  t.is(store.getInvocation('a')?.stdout, 'late');
  store.amendInvocations = () => t.fail('closed');
  b.stdout = 'too late';
  second.resolve(true);
  await second.promise;
  recorder.flush();
});

test('who follows a function gets its records as they are finished, until they stop', async (t) => {
  const { add, logs } = setUp(t);
  const seen: string[] = [];
  const stop = logs.follow('f', ({ id, invokedAt, stdout }) =>
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
  t.throws(() => logs.follow('nope', () => undefined), { code: 'FUNCTION_NOT_FOUND' } as never);
});

test('a function may be called like an event of Node', (t) => {
  const { add, counters, logs } = setUp(t);
  counters.set('error', { invokeCount: 0, errorCount: 0, lastInvokedAt: null });
  t.notThrows(() => add(call('a', 'error')));
  const seen: string[] = [];
  logs.follow('error', ({ id }) => seen.push(id));
  add(call('b', 'error'));
  t.deepEqual(seen, ['b']);
});

test('a list may leave out what is not final yet', async (t) => {
  const { add, logs } = setUp(t);
  const output = deferred();
  add(call('a', 'f'));
  add(call('open', 'f'), output.promise);
  const final = () => logs.list('f', { limit: 10, final: true }).map(({ id }) => id);
  t.deepEqual(final(), ['a']);
  output.resolve(false);
  await output.promise;
  t.deepEqual(final(), ['open', 'a']);
});

test('a list goes from the call that ended last to the one that ended first, page by page', (t) => {
  const { add, logs, store } = setUp(t);
  const never = deferred().promise;
  const list = (limit: number, before?: string) =>
    logs.list('f', { limit, ...(before === undefined ? {} : { before }) }).map(({ id }) => id);
  add(call('open', 'f'), never);
  for (const record of calls(3, 'f')) add(record);
  add(call('other', 'g'), never);
  t.deepEqual(list(100), ['c3', 'c2', 'c1', 'open']);
  const { appendInvocations } = store;
  store.appendInvocations = () => {
    throw new StoreError('disk I/O error', { full: true });
  };
  for (const record of calls(3, 'f', 'unwritten')) add(record, never);
  const all = ['unwritten3', 'unwritten2', 'unwritten1', 'c3', 'c2', 'c1', 'open'];
  t.deepEqual(list(100), all);
  t.deepEqual(list(2), ['unwritten3', 'unwritten2']);
  t.deepEqual(list(3), ['unwritten3', 'unwritten2', 'unwritten1']);
  for (const [index, id] of all.entries())
    t.deepEqual(list(3, id), all.slice(index + 1, index + 4), `before ${id}`);
  t.deepEqual(list(10, 'unknown'), []);
  store.appendInvocations = appendInvocations;
  t.throws(() => list.call(null, 1) && logs.list('nope', { limit: 1 }), {
    code: 'FUNCTION_NOT_FOUND',
  } as never);
});

test('a list is as long as its JSON may be, whatever the output is made of, and never empty', (t) => {
  for (const [character, count] of [
    ['x', 7],
    ['\x01', 1],
    ['\u20ac', 2],
  ] as const) {
    const { add, logs } = setUp(t);
    const text = character.repeat(256 * 1024);
    for (const record of calls(12, 'f')) add({ ...record, stdout: text, stderr: text });
    const list = logs.list('f', { limit: 1000 });
    t.is(list.length, count);
    t.true(Buffer.byteLength(JSON.stringify(list)) <= 4 * 1024 * 1024);
  }
  const { add, logs } = setUp(t);
  add({ ...call('large', 'f'), stdout: 'x'.repeat(5 * 1024 * 1024) });
  t.is(logs.list('f', { limit: 1000 }).length, 1);
});

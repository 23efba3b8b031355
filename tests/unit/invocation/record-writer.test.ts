/** What becomes of records whatever the order is in which they come, change, are written, and their functions go. */
import test from 'ava';
import fc from 'fast-check';
import { RecordWriter } from '../../../src/invocation/record-writer.js';
import { createLogger } from '../../../src/logger.js';
import type { CallRecord } from '../../../src/model/call/call.js';
import { StoreError } from '../../../src/model/store-error.js';
import type { CallStore } from '../../../src/store/call-store.js';
import { call, idOf } from '../store/builders.js';

const MIB = 1024 * 1024;
const failure = new StoreError('disk I/O error', { full: true });
const logger = createLogger('silent');

/** A store that writes at once, fails, or keeps a write waiting; and what was written into it. */
class TestStore {
  mode: 'writes' | 'fails' | 'holds' = 'writes';
  /** Ids in the order in which they were written, with those written twice. */
  readonly order: string[] = [];
  readonly output = new Map<string, string>();
  #held: ((error?: Error) => void)[] = [];

  async append(records: CallRecord[]): Promise<void> {
    const given = records.map(({ id, stdout }) => [id, stdout] as const);
    await this.#turn();
    for (const [id, stdout] of given) {
      this.order.push(id);
      this.output.set(id, stdout);
    }
  }

  async amend(records: CallRecord[]): Promise<void> {
    const given = records.map(({ id, stdout }) => [id, stdout] as const);
    await this.#turn();
    for (const [id, stdout] of given) if (this.output.has(id)) this.output.set(id, stdout);
  }

  /** Lets the writes that wait succeed or fail. */
  release(error?: Error): void {
    for (const end of this.#held.splice(0)) end(error);
  }

  async #turn(): Promise<void> {
    if (this.mode === 'fails') throw failure;
    if (this.mode === 'holds')
      await new Promise<void>((resolve, reject) =>
        this.#held.push((error) => (error === undefined ? resolve() : reject(error))),
      );
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp(keepPerFunction: number) {
  const store = new TestStore();
  const alive = new Set(['f', 'g', 'h']);
  const counters = { invokeCount: 1, errorCount: 0, lastInvokedAt: 0 };
  const writer = new RecordWriter({
    store: store as unknown as CallStore,
    counters: (id) => ([...alive].some((name) => idOf(name) === id) ? counters : undefined),
    keepPerFunction,
    logger,
  });
  return { store, alive, writer };
}

type Step =
  | { do: 'add'; name: string; count: number; text: number }
  | { do: 'amend'; back: number; text: number }
  | { do: 'flush' | 'turn' | 'release' | 'break' }
  | { do: 'store'; mode: TestStore['mode'] }
  | { do: 'delete'; name: string };

const name = fc.constantFrom('f', 'g', 'h');

function stepsWith(texts: fc.Arbitrary<number>): fc.Arbitrary<Step[]> {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('add'), name, count: fc.nat(6), text: texts }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('amend'), back: fc.nat(5), text: texts }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('flush', 'turn', 'turn', 'release', 'break') }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('store'), mode: fc.constantFrom('writes', 'fails', 'holds') }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('delete'), name }) },
  );
  return fc.array(step, { maxLength: 60, size: 'max' });
}

/** Goes through the steps, then lets everything be written. Returns what came of it, all records in the order in which they came. */
async function run(steps: Step[], keepPerFunction: number) {
  const { store, alive, writer } = setUp(keepPerFunction);
  const records: CallRecord[] = [];
  const flushes: Promise<void>[] = [];
  for (const step of steps) {
    if (step.do === 'add' && alive.has(step.name)) {
      for (let count = 0; count < step.count; count += 1) {
        const record = call(`c${records.length}`, step.name, { stdout: 'x'.repeat(step.text) });
        records.push(record);
        writer.add(record);
      }
    } else if (step.do === 'amend') {
      const record = records.at(-1 - step.back);
      if (record === undefined || !alive.has(record.funcName)) continue;
      record.stdout = 'y'.repeat(step.text);
      writer.amend(record);
    } else if (step.do === 'flush') flushes.push(writer.flush());
    else if (step.do === 'turn') await turn();
    else if (step.do === 'store') store.mode = step.mode;
    else if (step.do === 'release') store.release();
    else if (step.do === 'break') store.release(failure);
    else if (step.do === 'delete') alive.delete(step.name);
  }
  store.mode = 'writes';
  store.release();
  await Promise.all(flushes);
  await writer.flush();
  const pending = writer.pending();
  // Room for exactly as much text as if nothing had ever come: what has been written or dropped takes none.
  const { dropped } = writer;
  store.mode = 'fails';
  alive.add('room');
  for (let count = 0; count < 32; count += 1)
    writer.add(call(`room${count}`, 'room', { stdout: 'x'.repeat(MIB) }));
  const droppedWhenFull = writer.dropped;
  writer.add(call('one more', 'room', { stdout: 'x' }));
  const droppedBeyond = writer.dropped;
  await writer.close();
  return { store, alive, records, pending, dropped, droppedWhenFull, droppedBeyond };
}

for (const [what, texts, giveUp] of [
  ['no record is lost', fc.constantFrom(0, 1, 1000), false],
  ['no more records are lost than are counted', fc.constantFrom(0, 1, 3 * MIB, 12 * MIB), true],
] as const)
  test(`${what}, written twice or out of its turn, and none holds room for ever`, async (t) => {
    const property = fc.asyncProperty(stepsWith(texts), fc.constantFrom(3, 1000), async (steps, keep) => {
      const { store, alive, records, pending, ...ended } = await run(steps, keep);
      const came = records.map(({ id }) => id);
      const written = store.order.map((id) => came.indexOf(id));
      t.deepEqual(
        written,
        [...new Set(written)].sort((a, b) => a - b),
        'each once, in its turn',
      );
      t.deepEqual(pending, []);
      const wanted = [...alive].flatMap((each) =>
        records.filter(({ funcName }) => funcName === each).slice(-keep),
      );
      // Of a record that is given up while it is written, later output is lost, and nobody counts that.
      const lost = wanted.filter(({ id, stdout }) =>
        giveUp ? !store.output.has(id) : store.output.get(id) !== stdout,
      );
      t.true(lost.length <= ended.dropped, `${lost.length} lost, ${ended.dropped} dropped`);
      if (!giveUp) t.is(ended.dropped, 0);
      t.true(ended.dropped >= 0);
      t.is(ended.droppedWhenFull, ended.dropped, '32 Mi characters have room');
      t.is(ended.droppedBeyond, ended.dropped + 1);
    });
    await fc.assert(property, { numRuns: 300 });
  });

test('the id of a call of a deleted function may come again before the record of the first is gone', async (t) => {
  for (const mode of ['writes', 'holds'] as const) {
    const { store, alive, writer } = setUp(100);
    store.mode = mode;
    writer.add(call('same', 'f', { stdout: 'of f' }));
    const flushed = writer.flush();
    await turn();
    alive.delete('f');
    const again = call('same', 'g', { stdout: 'of g' });
    writer.add(again);
    t.deepEqual(writer.pending(), [again]);
    store.mode = 'writes';
    store.release();
    await flushed;
    await writer.flush();
    t.deepEqual(writer.pending(), []);
    t.is(store.output.get('same'), 'of g');
    t.is(writer.dropped, 0);
    await writer.close();
  }
});

test('output of a deleted function is not given to a call that got the id of its call', async (t) => {
  const { store, alive, writer } = setUp(100);
  const first = call('same', 'f');
  writer.add(first);
  await writer.flush();
  first.stdout = 'of f';
  writer.amend(first);
  alive.delete('f');
  writer.add(call('same', 'g', { stdout: 'of g' }));
  await writer.close();
  t.is(store.output.get('same'), 'of g');
});

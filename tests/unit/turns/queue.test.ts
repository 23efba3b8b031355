import test from 'ava';
import fc from 'fast-check';
import { GlambdarError } from '../../../src/errors.js';
import { Queue } from '../../../src/turns/queue.js';
import type { Waiting } from '../../../src/turns/queue.js';

/** As much of a waiter as the queue knows. */
class FakeWaiter {
  claim: string | null = null;
  failedStarts = 0;
  readonly arrivedAt: number;
  readonly name: string;
  rejection: unknown = null;

  constructor(name: string, arrivedAt = 0) {
    this.name = name;
    this.arrivedAt = arrivedAt;
  }

  reject(error: unknown): void {
    this.rejection = error;
  }
}

const asWaiter = (fake: FakeWaiter): Waiting => fake;

class FakeCallers {
  readonly queue = new Queue();
  #made = new Map<string, number>();

  /** Adds requests of this flow: a1, a2, … */
  add(flow: string, count = 1, arrivedAt = 0): FakeWaiter[] {
    return Array.from({ length: count }, () => {
      const number = (this.#made.get(flow) ?? 0) + 1;
      this.#made.set(flow, number);
      const fake = new FakeWaiter(`${flow}${number}`, arrivedAt);
      this.queue.add(fake, flow);
      return fake;
    });
  }

  get order(): string[] {
    return this.queue.list().map(({ waiter }) => (waiter as unknown as FakeWaiter).name);
  }

  /** Serves the first ones; returns their flows. */
  serve(count = 1, now = 0): string[] {
    return Array.from({ length: Math.min(count, this.queue.length) }, () => {
      const [{ waiter, flow }] = this.queue.list() as [ReturnType<Queue['list']>[number]];
      this.queue.served(waiter, now);
      return flow;
    });
  }
}

test('one flow is served in the order of coming', (t) => {
  const callers = new FakeCallers();
  callers.add('a', 4);
  t.deepEqual(callers.order, ['a1', 'a2', 'a3', 'a4']);
  t.is(callers.queue.length, 4);
  callers.serve(2);
  callers.add('a');
  t.deepEqual(callers.order, ['a3', 'a4', 'a5']);
});

test('flows take turns', (t) => {
  const callers = new FakeCallers();
  callers.add('a', 3);
  callers.add('b', 2);
  callers.add('c');
  t.deepEqual(callers.order, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
});

test('a newcomer waits one turn, not for hundreds who were there before', (t) => {
  const callers = new FakeCallers();
  callers.add('a', 300);
  callers.serve(100);
  callers.add('b');
  t.deepEqual(callers.order.slice(0, 3), ['b1', 'a101', 'a102']);
});

test('who was away has not saved up turns', (t) => {
  const callers = new FakeCallers();
  callers.add('b');
  callers.serve();
  callers.add('a', 100);
  callers.serve(50);
  callers.add('b', 3);
  t.deepEqual(callers.order.slice(0, 6), ['b2', 'a51', 'b3', 'a52', 'b4', 'a53']);
});

test('whoever comes is served within one turn of each flow that waits', (t) => {
  const steps = fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant('add' as const),
        flow: fc.nat(5),
        count: fc.integer({ min: 1, max: 30 }),
      }),
      fc.record({ kind: fc.constant('serve' as const), count: fc.integer({ min: 1, max: 20 }) }),
      fc.record({
        kind: fc.constant('leave' as const),
        at: fc.nat(1_000),
        count: fc.integer({ min: 1, max: 20 }),
      }),
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(steps, (some) => {
      const callers = new FakeCallers();
      const { queue } = callers;
      for (const step of some) {
        if (step.kind === 'add') callers.add(`f${step.flow}`, step.count);
        else if (step.kind === 'serve') callers.serve(step.count);
        else
          for (const { waiter } of queue
            .list()
            .slice(step.at % (queue.length + 1))
            .slice(0, step.count))
            queue.drop(waiter);
      }
      // One that waits already, and one that does not.
      for (const flow of ['f0', 'newcomer']) {
        const places = queue.list();
        const own = places.filter((place) => place.flow === flow).length;
        const flows = new Set(places.map((place) => place.flow)).add(flow).size;
        callers.add(flow);
        const list = queue.list();
        const index = list.findLastIndex((place) => place.flow === flow);
        const turns = flow === 'newcomer' ? 1 : own + 2;
        t.true(
          index <= own + turns * (flows - 1),
          `${index} are ahead, ${own} of its own, of ${flows} flows`,
        );
        const numbers = list
          .filter((place) => place.flow === flow)
          .map(({ waiter }) => Number((waiter as unknown as FakeWaiter).name.slice(flow.length)));
        t.deepEqual(
          numbers,
          [...numbers].sort((a, b) => a - b),
          'in order of coming within a flow',
        );
      }
    }),
    { numRuns: 200 },
  );
});

test('those who left or were refused have not had a turn', (t) => {
  const callers = new FakeCallers();
  for (const fake of callers.add('a', 100)) callers.queue.drop(asWaiter(fake));
  callers.add('b', 3);
  callers.add('a');
  t.deepEqual(callers.order, ['b1', 'a101', 'b2', 'b3']);
});

test('the turn of one who leaves is taken by the next of the same flow', (t) => {
  const callers = new FakeCallers();
  const [first] = callers.add('a', 3);
  callers.add('b', 3);
  callers.queue.drop(asWaiter(first!));
  t.deepEqual(callers.order, ['a2', 'b1', 'a3', 'b2', 'b3']);
  callers.add('a');
  t.deepEqual(callers.order, ['a2', 'b1', 'a3', 'b2', 'b3', 'a4']);
});

test('a refill for a flow costs it a turn while calls wait, and nothing while none does', (t) => {
  const callers = new FakeCallers();
  callers.queue.refilled('a');
  callers.add('b', 2);
  callers.add('a');
  t.deepEqual(callers.order, ['b1', 'a1', 'b2']);
  callers.queue.refilled('c');
  callers.add('c');
  t.deepEqual(callers.order, ['b1', 'a1', 'b2', 'c1']);
});

test('a refill has its turn from when it is first asked about until it is made', (t) => {
  const callers = new FakeCallers();
  const { queue } = callers;
  callers.add('a', 5);
  t.is(queue.refillTurn('b'), 0);
  callers.serve(3);
  t.is(queue.refillTurn('b'), 0, 'it has been waiting since then');
  t.is(queue.refillTurn('c'), 2);
  queue.refilled('b');
  t.is(queue.refillTurn('b'), 3, 'the next one, a turn later');
  queue.forget('c');
  callers.serve(2);
  t.is(queue.refillTurn('c'), 4);
});

test('who comes while others of its flow wait is behind them', (t) => {
  const callers = new FakeCallers();
  callers.add('a', 2);
  callers.add('b');
  t.deepEqual(
    callers.queue.list().map(({ flow, behind }) => `${flow} ${behind}`),
    ['a false', 'b false', 'a true'],
  );
  callers.serve(3);
  callers.add('a');
  t.false(callers.queue.list()[0]!.behind);
});

test('who gets what was done for its flow outside the queue is not charged a second time', (t) => {
  const callers = new FakeCallers();
  const { queue } = callers;
  callers.add('a', 100);
  for (let time = 0; time < 10; time += 1) {
    queue.refilled('b');
    const [fake] = callers.add('b');
    queue.served(asWaiter(fake!), 0, true);
  }
  callers.add('b');
  t.is(callers.order.indexOf('b11'), 11, 'ten turns of a for the ten of b, and one that was before');
});

test('the virtual time is the turn that was served last, and never goes back', (t) => {
  const callers = new FakeCallers();
  callers.add('a', 5);
  callers.serve(4);
  t.is(callers.queue.nextTag('b'), 3);
  callers.serve();
  t.is(callers.queue.nextTag('b'), 4);
  t.is(callers.queue.nextTag('a'), 5);
});

test('it is known who waits and for how long', (t) => {
  const callers = new FakeCallers();
  const { queue } = callers;
  t.is(queue.ageMs(500), 0);
  const [first] = callers.add('a', 1, 100);
  callers.add('b', 1, 50);
  t.true(queue.has('a'));
  t.true(queue.holds(asWaiter(first!)));
  t.is(queue.ageMs(500), 450);
  queue.drop(asWaiter(first!));
  queue.drop(asWaiter(first!));
  t.false(queue.has('a'));
  t.false(queue.holds(asWaiter(first!)));
  t.is(queue.length, 1);
});

test('serving one that has left already changes nothing', (t) => {
  const callers = new FakeCallers();
  const [first] = callers.add('a', 2);
  callers.queue.drop(asWaiter(first!));
  callers.queue.served(asWaiter(first!), 0);
  t.deepEqual(callers.order, ['a2']);
});

test('the list is a copy', (t) => {
  const callers = new FakeCallers();
  callers.add('a', 2);
  const list = callers.queue.list();
  callers.serve(2);
  t.is(list.length, 2);
});

const limits = { maxWaiting: 9, maxWaitMs: 1e9 };

test('one flow may hold two thirds of the queue, another always finds room then', (t) => {
  const callers = new FakeCallers();
  const { queue } = callers;
  while (queue.admits('a', 0, limits)) callers.add('a');
  t.is(queue.length, 6);
  t.true(queue.admits('b', 0, limits));
  while (queue.admits('b', 0, limits)) callers.add('b');
  t.is(queue.length, 8, 'b has two, one is free');
  t.true(queue.admits('c', 0, limits));
  callers.add('c');
  t.false(queue.admits('d', 0, limits), 'full is full');
});

test('who would not be served in time is not let in', (t) => {
  const callers = new FakeCallers();
  const { queue } = callers;
  const patient = { maxWaiting: 1_000, maxWaitMs: 1_000 };
  // 75 ms each is the first guess, and estimates err: only half of the time counts on.
  callers.add('a', 6);
  t.true(queue.admits('a', 0, patient));
  callers.add('a');
  t.false(queue.admits('a', 0, patient));
  t.true(queue.admits('b', 0, patient), 'another flow has its turn sooner');
});

test('the others take a turn for each of its own', (t) => {
  const callers = new FakeCallers();
  const { queue } = callers;
  callers.add('a', 40);
  callers.add('b', 40);
  t.is(queue.retryAfterSeconds('new', 0), 1, 'two are ahead');
  t.is(queue.retryAfterSeconds('a', 0), 6, '40 of its own and 40 others, 75 ms each');
  callers.add('c', 14);
  t.is(queue.retryAfterSeconds('c', 0), 4, '14 of its own and 15 of each other');
});

test('when to try again follows the pace, and is a second at least', (t) => {
  const callers = new FakeCallers();
  const { queue } = callers;
  t.is(queue.retryAfterSeconds('a', 0), 1);
  callers.add('a', 200);
  for (let n = 1; n <= 100; n += 1) callers.serve(1, n * 9);
  t.is(queue.retryAfterSeconds('a', 900), 1, '100 in front, 9 ms each');
  t.is(queue.retryAfterSeconds('a', 2_900), 200, 'nobody has been served for two seconds');
});

test('all are rejected with the same, and a new one finds an empty queue', (t) => {
  const callers = new FakeCallers();
  const fakes = [...callers.add('a', 3), ...callers.add('b', 2)];
  const error = new GlambdarError('STOPPING', 'stop');
  callers.queue.rejectAll(error);
  for (const { rejection } of fakes) t.is(rejection, error);
  t.is(callers.queue.length, 0);
  t.false(callers.queue.has('a'));
  callers.add('b');
  callers.add('a');
  t.deepEqual(callers.order, ['b3', 'a4'], 'nobody has had a turn');
});

test('a start that failed is its first claimant’s, who is told at the second time', (t) => {
  const callers = new FakeCallers();
  const { queue } = callers;
  const [a, b] = callers.add('a', 2) as [FakeWaiter, FakeWaiter];
  a.claim = 'i1';
  b.claim = 'i2';
  queue.startFailed('i1', new Error('daemon text'));
  t.is(a.rejection, null);
  t.is(queue.length, 2);
  queue.startFailed('unclaimed', new Error('daemon text'));
  a.claim = 'i3';
  queue.startFailed('i3', new Error('daemon text'));
  t.like(a.rejection, { code: 'DRIVER_UNAVAILABLE', cause: { message: 'daemon text' } });
  t.notRegex((a.rejection as Error).message, /daemon text/);
  t.is(b.rejection, null);
  t.deepEqual(callers.order, ['a2']);
});

test('an error of ours that ends a start is told as it is', (t) => {
  const callers = new FakeCallers();
  const [a] = callers.add('a') as [FakeWaiter];
  const full = new GlambdarError('DISK_FULL', 'full');
  a.claim = 'i';
  for (let n = 0; n < 2; n += 1) callers.queue.startFailed('i', full);
  t.is(a.rejection, full);
});

test('flows that are gone are forgotten, those ahead of the clock are not', (t) => {
  const callers = new FakeCallers();
  callers.add('z');
  callers.queue.refilled('a');
  callers.queue.refilled('a');
  callers.serve();
  for (let n = 0; n < 300; n += 1) callers.add(`f${n}`);
  callers.serve(300);
  t.is(callers.queue.nextTag('f0'), 1);
  t.is(callers.queue.nextTag('a'), 2);
});

import test from 'ava';
import { Lull } from '../../../../src/pool/act/lull.js';
import { ManualClock } from '../../../helpers/manual-clock.js';

/** Calls pause after 20 ms, and nothing waits for more than 150. */
function setUp() {
  const clock = new ManualClock();
  const state = { hurry: false };
  const lull = new Lull({ clock, quietMs: 20, mostMs: 150, hurry: () => state.hurry });
  const begun: string[] = [];
  const wait = async (name: string): Promise<void> => {
    await lull.wait();
    begun.push(name);
  };
  /** Lets time pass in small steps, a call in each of them. */
  const callFor = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.move(10);
      lull.noted(clock.now());
    }
  };
  /** What has begun, in order, once all promises have been told. */
  const begunByNow = async (): Promise<string[]> => {
    await new Promise((resolve) => setImmediate(resolve));
    return begun;
  };
  return { clock, lull, state, wait, callFor, begunByNow };
}

test('work begins at once while nobody calls', async (t) => {
  const { wait, begunByNow } = setUp();
  void wait('a');
  t.deepEqual(await begunByNow(), ['a']);
});

test('work that came during calls begins in order when they pause', async (t) => {
  const { clock, lull, wait, callFor, begunByNow } = setUp();
  lull.noted(clock.now());
  void wait('a');
  callFor(30);
  void wait('b');
  t.deepEqual(await begunByNow(), []);
  clock.move(19);
  t.deepEqual(await begunByNow(), []);
  clock.move(1);
  t.deepEqual(await begunByNow(), ['a', 'b']);
});

test('work waits no longer than the most, however many calls come', async (t) => {
  const { clock, lull, wait, callFor, begunByNow } = setUp();
  lull.noted(clock.now());
  void wait('a');
  callFor(140);
  t.deepEqual(await begunByNow(), []);
  callFor(20);
  t.deepEqual(await begunByNow(), ['a']);
});

test('work does not wait when calls wait for its place, and nothing waits at the end', async (t) => {
  const { clock, lull, state, wait, begunByNow } = setUp();
  lull.noted(clock.now());
  void wait('a');
  lull.end();
  t.deepEqual(await begunByNow(), ['a']);
  state.hurry = true;
  void wait('b');
  t.deepEqual(await begunByNow(), ['a', 'b']);
});

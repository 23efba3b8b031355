import test from 'ava';
import { BusyWait } from '../../../src/invocation/busy-wait.js';

/** A window of 10 on a clock of the test's own; `turns` counts how often the process stays awake. */
function create(options: { windowMs?: number; maxCalls?: number } = {}) {
  let now = 0;
  let work: (() => void) | null = null;
  let turns = 0;
  const wait = new BusyWait({
    windowMs: 10,
    maxCalls: 1,
    ...options,
    now: () => now,
    next: (look) => {
      work = look;
      turns += 1;
    },
  });
  return {
    wait,
    turns: () => turns,
    awake: () => work !== null,
    /** Time passes; the process looks again if it is awake. */
    pass(ms: number) {
      now += ms;
      const look = work;
      work = null;
      look?.();
    },
    /** So many calls, each answered after `ms`, with a long pause behind. */
    calls(count: number, ms: number, underWay = 1) {
      for (let call = 0; call < count; call += 1) {
        wait.expect(underWay);
        this.pass(ms);
        wait.came();
        this.pass(1000);
      }
    },
  };
}

test('nothing is waited for awake until things have come in time', (t) => {
  const { wait, awake } = create();
  wait.expect(1);
  t.false(awake());
});

test('once they come in time the process stays awake until the next is there', (t) => {
  const fixture = create();
  fixture.calls(50, 3);
  fixture.wait.expect(1);
  t.true(fixture.awake());
  fixture.pass(4);
  t.true(fixture.awake());
  fixture.wait.came();
  fixture.pass(1);
  t.false(fixture.awake());
});

test('it stays awake for one window at most', (t) => {
  const fixture = create();
  fixture.calls(50, 3);
  fixture.wait.expect(1);
  fixture.pass(9.9);
  t.true(fixture.awake());
  fixture.pass(0.2);
  t.false(fixture.awake());
});

test('while things take longer it sleeps, and when they are quick again it learns that asleep', (t) => {
  const fixture = create();
  fixture.calls(50, 3);
  fixture.calls(50, 30);
  const before = fixture.turns();
  fixture.calls(50, 30);
  t.is(fixture.turns(), before);
  fixture.calls(50, 3);
  t.true(fixture.turns() > before);
});

test('with more calls under way than allowed it sleeps', (t) => {
  const fixture = create();
  fixture.calls(50, 3);
  const before = fixture.turns();
  fixture.calls(50, 3, 2);
  t.is(fixture.turns(), before);
});

test('what comes without being expected says nothing', (t) => {
  const fixture = create();
  fixture.calls(50, 3);
  for (let i = 0; i < 100; i += 1) fixture.wait.came();
  fixture.wait.expect(1);
  t.true(fixture.awake());
});

test('a further expectation prolongs the wait and begins no second one', (t) => {
  const fixture = create();
  fixture.calls(50, 3);
  const before = fixture.turns();
  fixture.wait.expect(1);
  fixture.wait.expect(1);
  t.is(fixture.turns(), before + 1);
});

for (const options of [{ windowMs: 0 }, { maxCalls: 0 }]) {
  test(`it never stays awake with ${JSON.stringify(options)}`, (t) => {
    const fixture = create(options);
    fixture.calls(100, 3);
    t.is(fixture.turns(), 0);
  });
}

import test from 'ava';
import fc from 'fast-check';
import { MAX_LOSS, erlangB, readyFor, serversFor } from '../../../../src/pool/decide/sizing.js';
import { GreedyDual } from '../../../../src/pool/decide/greedy-dual.js';

const MIB = 1024 * 1024;
const loads = fc.double({ min: 0.001, max: 200, noNaN: true });
const losses = fc.double({ min: 0.001, max: 0.5, noNaN: true });

const published: [servers: number, load: number, loss: number][] = [
  [0, 3, 1],
  [1, 1, 0.5],
  [2, 1, 0.2],
  [5, 3, 0.11005],
  [10, 5, 0.01838],
  [10, 4.46, 0.01],
  [20, 12.03, 0.01],
];

for (const [servers, load, loss] of published)
  test(`${servers} servers lose ${loss} of the calls at ${load} erlang, as in the printed tables`, (t) => {
    t.true(Math.abs(erlangB(servers, load) - loss) < 0.00005, `${erlangB(servers, load)}`);
  });

test('nothing is lost without load, and everything without servers', (t) => {
  t.is(erlangB(1, 0), 0);
  t.is(erlangB(0, 0.5), 1);
});

test('as many servers as are needed, and not one more', (t) => {
  fc.assert(
    fc.property(loads, losses, (load, maxLoss) => {
      const n = serversFor(load, 10_000, maxLoss);
      t.true(erlangB(n, load) <= maxLoss);
      t.true(n === 0 || erlangB(n - 1, load) > maxLoss);
    }),
  );
  t.pass();
});

test('more load never needs fewer servers', (t) => {
  fc.assert(
    fc.property(loads, loads, fc.nat(300), (a, b, most) => {
      t.true(serversFor(Math.min(a, b), most) <= serversFor(Math.max(a, b), most));
    }),
  );
});

test('never more servers than may be, whatever is lost', (t) => {
  fc.assert(
    fc.property(loads, fc.nat(20), (load, most) => {
      const n = serversFor(load, most);
      t.true(n <= most);
      t.true(n === most || erlangB(n, load) <= MAX_LOSS);
    }),
  );
  t.is(serversFor(1e9, 30), 30);
});

test('no servers are needed without load, nor for one that is not a number', (t) => {
  t.is(serversFor(0, 10), 0);
  t.is(serversFor(-1, 10), 0);
  t.is(serversFor(Number.NaN, 10), 0);
});

test('a function in use has at least one ready, and never more than may be', (t) => {
  fc.assert(
    fc.property(
      fc.record({ rate: fc.double({ min: 0, max: 500, noNaN: true }), awaySeconds: loads }),
      fc.double({ min: -1, max: 300, noNaN: true }),
      fc.integer({ min: 1, max: 64 }),
      (traffic, burst, most) => {
        const ready = readyFor({ ...traffic, burst }, most);
        t.true(Number.isInteger(ready) && ready >= 1 && ready <= most);
        t.true(ready >= Math.min(most, burst), 'the burst finds as many');
      },
    ),
  );
});

test('what is ready follows the rate, or a burst that is larger', (t) => {
  t.is(readyFor({ rate: 0, awaySeconds: 1, burst: 0 }, 10), 1);
  t.is(readyFor({ rate: 10, awaySeconds: 0.1, burst: 0 }, 10), serversFor(1, 10));
  t.is(readyFor({ rate: 0.001, awaySeconds: 0.1, burst: 6.2 }, 10), 7);
  t.is(readyFor({ rate: 10, awaySeconds: 0.1, burst: 1 }, 10), serversFor(1, 10));
});

test('what is called more often, saves more or is smaller is worth more', (t) => {
  const greedy = new GreedyDual();
  const worth = greedy.worth('k', 1, 100, 20 * MIB);
  t.is(worth, 5);
  t.true(greedy.worth('k', 2, 100, 20 * MIB) > worth);
  t.true(greedy.worth('k', 1, 200, 20 * MIB) > worth);
  t.true(greedy.worth('k', 1, 100, 10 * MIB) > worth);
  t.is(greedy.worth('k', 1, 100, 0), 100, 'the smallest size is a megabyte');
});

test('what was used after others went is worth more than what was not', (t) => {
  const greedy = new GreedyDual();
  greedy.used('old');
  greedy.evicted(10);
  greedy.used('new');
  t.is(greedy.worth('new', 1, MIB, MIB) - greedy.worth('old', 1, MIB, MIB), 10);
  greedy.used('old');
  t.is(greedy.worth('new', 1, MIB, MIB), greedy.worth('old', 1, MIB, MIB), 'used again it is young again');
});

test('a once frequent thing that is not used goes after enough others went', (t) => {
  const greedy = new GreedyDual();
  greedy.used('frequent');
  const frequent = greedy.worth('frequent', 10, 100, MIB);
  let rounds = 0;
  for (let last = 0; last < frequent; rounds += 1) {
    greedy.used('rare');
    last = greedy.worth('rare', 1, 100, MIB);
    greedy.evicted(last);
  }
  t.is(rounds, 10);
});

test('the clock never goes back, and what was worth everything does not stop it', (t) => {
  const greedy = new GreedyDual();
  greedy.evicted(10);
  greedy.evicted(3);
  greedy.evicted(Infinity);
  greedy.used('k');
  t.is(greedy.worth('k', 0, 0, MIB), 10);
});

test('what is forgotten has no credit', (t) => {
  const greedy = new GreedyDual();
  greedy.evicted(10);
  greedy.used('k');
  greedy.forget('k');
  t.is(greedy.worth('k', 0, 0, MIB), 0);
});

import test from 'ava';
import type { ContainerUsage } from '../../../../src/driver/driver.js';
import type { Instance } from '../../../../src/instance/instance.js';
import { MemoryLedger } from '../../../../src/pool/act/memory-ledger.js';

const MIB = 1024 * 1024;
const GUESS = 24 * MIB;

interface Fake {
  id: string;
  uid: number;
  since: number;
  codeKey: string | null;
  profileKey: string;
  containers: readonly { id: string; uid: number }[];
}

let made = 0;

/** An idle instance, a standby unless it has code, since 0. */
function idle(fields: Partial<Fake> = {}): Instance & Fake {
  made += 1;
  const [id, uid] = [fields.id ?? `i${made}`, made];
  const fake: Fake = {
    ...{ id, uid, since: 0, codeKey: null, profileKey: 'p', containers: [{ id, uid }] },
    ...fields,
  };
  return fake as Instance & Fake;
}

/** A ledger on what `usage` says, and who was asked of each time. */
function ledgerOn(usage: (id: string) => ContainerUsage | undefined) {
  const asked: string[][] = [];
  const ledger = new MemoryLedger((instances) => {
    asked.push(instances.map(({ id }) => id));
    const found = new Map<string, ContainerUsage>();
    for (const { id } of instances) {
      const own = usage(id);
      if (own) found.set(id, own);
    }
    return Promise.resolve(found);
  });
  return { ledger, asked };
}

const still = (memoryBytes: number) => (): ContainerUsage => ({ memoryBytes, cpuMs: 0 });

test('until something was measured there is a guess', (t) => {
  const { ledger } = ledgerOn(still(1));
  t.is(ledger.typicalBytes('p'), GUESS);
  t.is(ledger.bytesOf(idle()), GUESS);
  t.is(ledger.sum([idle(), idle()]), 2 * GUESS);
  t.is(ledger.sum([]), 0);
});

test('what was measured takes the place of the guess, for others that hold the same too', async (t) => {
  const { ledger } = ledgerOn(still(10 * MIB));
  const [standby, loaded] = [idle(), idle({ codeKey: 'c' })];
  await ledger.sample([standby], 1_000);
  t.is(ledger.bytesOf(standby), 10 * MIB);
  t.is(ledger.bytesOf(idle()), 10 * MIB);
  t.is(ledger.bytesOf(loaded), GUESS, 'code is measured by itself');
  await ledger.sample([standby, loaded], 2_000);
  t.is(ledger.typicalBytes('c'), 10 * MIB);
});

test('an instance counts as it was measured, the next of its kind as the others on average', async (t) => {
  const bytes = new Map([
    ['a', 10 * MIB],
    ['b', 20 * MIB],
  ]);
  const { ledger } = ledgerOn((id) => ({ memoryBytes: bytes.get(id)!, cpuMs: 0 }));
  const [a, b] = [idle({ id: 'a' }), idle({ id: 'b' })];
  await ledger.sample([a], 1_000);
  await ledger.sample([a, b], 1_001);
  t.is(ledger.sum([a, b]), 30 * MIB);
  t.is(ledger.typicalBytes('p'), 13 * MIB);
});

test('an instance with an image beside its worker takes what both take, once both could be measured', async (t) => {
  const usages = new Map<string, ContainerUsage>([['worker', { memoryBytes: 10 * MIB, cpuMs: 0 }]]);
  const { ledger } = ledgerOn((id) => usages.get(id));
  const containers = [
    { id: 'worker', uid: 1 },
    { id: 'image', uid: 2 },
  ];
  const both = idle({ id: 'worker', containers });
  await ledger.sample([both], 1_000);
  t.is(ledger.bytesOf(both), GUESS);
  usages.set('image', { memoryBytes: 30 * MIB, cpuMs: 0 });
  await ledger.sample([both], 2_000);
  t.is(ledger.bytesOf(both), 40 * MIB);
  usages.set('image', { memoryBytes: 30 * MIB, cpuMs: 900 });
  t.deepEqual(await ledger.sample([both], 3_000), [both], 'the image computes');
});

test('a new one is asked twice within seconds, then twice a minute', async (t) => {
  const { ledger, asked } = ledgerOn(still(1));
  const instance = idle();
  const times: number[] = [];
  for (let now = 0; now <= 100_000; now += 500) {
    const before = asked.length;
    await ledger.sample([instance], now);
    if (asked.length > before) times.push(now);
  }
  t.deepEqual(times, [500, 1_500, 31_500, 61_500, 91_500]);
});

test('nobody is asked when nobody is due', async (t) => {
  const { ledger, asked } = ledgerOn(still(1));
  await ledger.sample([idle({ since: 900 })], 1_000);
  await ledger.sample([], 1_000);
  t.deepEqual(asked, []);
});

test('a few at once, those never measured first', async (t) => {
  const { ledger, asked } = ledgerOn(still(1));
  const old = Array.from({ length: 10 }, () => idle());
  await ledger.sample(old, 1_000);
  const fresh = Array.from({ length: 10 }, () => idle());
  await ledger.sample([...old, ...fresh], 3_000);
  t.is(asked[1]!.length, 16);
  t.deepEqual(
    asked[1]!.slice(0, 10),
    fresh.map(({ id }) => id),
  );
  await ledger.sample([...old, ...fresh], 3_001);
  t.deepEqual(
    asked[2],
    old.slice(6).map(({ id }) => id),
    'the others next time',
  );
});

test('one that computes without a call is found, one that keeps still is not', async (t) => {
  let cpuMs = 0;
  const { ledger } = ledgerOn((id) => ({ memoryBytes: 1, cpuMs: id === 'spins' ? cpuMs : cpuMs / 100 }));
  const all = [idle({ id: 'spins' }), idle({ id: 'still' })];
  t.deepEqual(await ledger.sample(all, 1_000), [], 'once says nothing: starting took CPU too');
  cpuMs = 800;
  t.deepEqual(
    (await ledger.sample(all, 2_000)).map(({ id }) => id),
    ['spins'],
  );
});

test('a twentieth of a core is the limit', async (t) => {
  let cpuMs = 0;
  const { ledger } = ledgerOn(() => ({ memoryBytes: 1, cpuMs }));
  const instance = idle();
  await ledger.sample([instance], 1_000);
  cpuMs += 50;
  t.deepEqual(await ledger.sample([instance], 2_000), []);
  cpuMs += 1_501;
  t.deepEqual(await ledger.sample([instance], 32_000), [instance]);
});

test('what it computed in a call between does not count', async (t) => {
  let cpuMs = 0;
  const { ledger } = ledgerOn(() => ({ memoryBytes: 1, cpuMs }));
  const instance = idle({ codeKey: 'c' });
  await ledger.sample([instance], 1_000);
  cpuMs += 900;
  instance.since = 1_500;
  t.deepEqual(await ledger.sample([instance], 2_000), []);
  cpuMs += 9_000;
  t.deepEqual(await ledger.sample([instance], 32_000), [instance], 'afterwards it does');
});

test('what it computed in a call while it was measured does not count either', async (t) => {
  let cpuMs = 0;
  let meanwhile = (): void => undefined;
  const ledger = new MemoryLedger((instances) => {
    const { id } = instances[0]!;
    const usage = new Map([[id, { memoryBytes: 1, cpuMs }]]);
    meanwhile();
    return Promise.resolve(usage);
  });
  const instance = idle({ codeKey: 'c' });
  meanwhile = () => {
    instance.since = 1_001;
    cpuMs += 900;
  };
  await ledger.sample([instance], 1_000);
  meanwhile = () => undefined;
  t.deepEqual(await ledger.sample([instance], 2_000), []);
});

test('where the CPU time is unknown nobody is restless', async (t) => {
  const usages: ContainerUsage[] = [
    { memoryBytes: 1, cpuMs: null },
    { memoryBytes: 1, cpuMs: 9_000 },
    { memoryBytes: 1, cpuMs: null },
  ];
  const { ledger } = ledgerOn(() => usages.shift());
  const instance = idle();
  for (const now of [1_000, 2_000, 32_000]) t.deepEqual(await ledger.sample([instance], now), []);
});

test('one that cannot be measured stays a guess and is asked again', async (t) => {
  const { ledger, asked } = ledgerOn(() => undefined);
  const instance = idle();
  await ledger.sample([instance], 1_000);
  await ledger.sample([instance], 1_001);
  t.is(asked.length, 2);
  t.is(ledger.bytesOf(instance), GUESS);
});

test('one that is not idle any more is forgotten, its kind is not', async (t) => {
  const bytes = [10 * MIB, 20 * MIB];
  const { ledger } = ledgerOn(() => ({ memoryBytes: bytes.shift()!, cpuMs: 0 }));
  const [first, second] = [idle(), idle()];
  await ledger.sample([first], 1_000);
  await ledger.sample([second], 2_000);
  t.is(ledger.bytesOf(first), 13 * MIB);
  t.is(ledger.bytesOf(second), 20 * MIB);
});

test('kinds that are there no more are forgotten before they pile up', async (t) => {
  const { ledger } = ledgerOn(still(1));
  for (let n = 0; n < 1_000; n += 1) await ledger.sample([idle({ codeKey: `c${n}` })], 1_000);
  t.is(ledger.typicalBytes('c0'), 1);
  await ledger.sample([idle({ codeKey: 'c999' })], 1_000);
  t.is(ledger.typicalBytes('c0'), GUESS);
  t.is(ledger.typicalBytes('c999'), 1);
});

test('it measures one thing at a time, and goes on after a failure', async (t) => {
  let fail!: (error: Error) => void;
  const { ledger, asked } = ledgerOn(still(5));
  const failing = new MemoryLedger(() => new Promise((_, reject) => (fail = reject)));
  const first = failing.sample([idle()], 1_000);
  t.deepEqual(await failing.sample([idle()], 1_000), []);
  fail(new Error('no daemon'));
  await t.throwsAsync(first, { message: 'no daemon' });
  const again = failing.sample([idle()], 1_000);
  fail(new Error('still none'));
  await t.throwsAsync(again, { message: 'still none' });
  await ledger.sample([idle()], 1_000);
  t.is(asked.length, 1);
});

test('a figure that is none changes nothing', async (t) => {
  const { ledger } = ledgerOn(() => ({ memoryBytes: NaN, cpuMs: 0 }));
  const one = idle();
  t.deepEqual(await ledger.sample([one], 1_000), []);
  t.is(ledger.bytesOf(one), GUESS);
  t.is(ledger.typicalBytes('p'), GUESS);
});

import test from 'ava';
import { KeyedMutex } from '../../../src/registry/keyed-mutex.js';

test('work of one key runs in order, one at a time, also after a failure', async (t) => {
  const mutex = new KeyedMutex();
  const log: string[] = [];
  const work =
    (name: string, fail = false) =>
    async (): Promise<string> => {
      log.push(`${name} begins`);
      await Promise.resolve();
      log.push(`${name} ends`);
      if (fail) throw new Error(name);
      return name;
    };
  const results = await Promise.allSettled([
    mutex.run('k', work('a')),
    mutex.run('k', work('b', true)),
    mutex.run('k', work('c')),
  ]);
  t.deepEqual(log, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  t.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

test('work of different keys does not wait for each other', async (t) => {
  const mutex = new KeyedMutex();
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const first = mutex.run('a', () => gate);
  t.is(await mutex.run('b', () => Promise.resolve('b')), 'b');
  open();
  await first;
});

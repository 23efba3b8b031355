import test from 'ava';
import { Closers } from '../../../src/roles/closers.js';

test('parts are closed in reverse, one after the other, also behind one that cannot be closed', async (t) => {
  const closers = new Closers();
  const closed: string[] = [];
  closers.add(() => void closed.push('first'));
  closers.add(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    closed.push('second');
  });
  closers.add(() => {
    throw new Error('third');
  });
  closers.add(() => Promise.reject(new Error('fourth')));
  await t.throwsAsync(closers.closeAll(), { message: 'fourth' });
  t.deepEqual(closed, ['second', 'first']);
  await closers.closeAll();
  t.is(closed.length, 2);
});

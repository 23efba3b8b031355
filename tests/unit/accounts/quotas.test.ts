import test from 'ava';
import { Quotas } from '../../../src/accounts/quotas.js';
import type { QuotaPatch } from '../../../src/model/account/quota.js';
import { SqliteFunctionStore } from '../../../src/store/sqlite/functions/sqlite-function-store.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

const standard = { functions: 10, bundleBytes: null, concurrentCalls: 5, callsPerMinute: null };

function memory() {
  const kept = new Map<string, QuotaPatch>();
  return {
    kept,
    list: async () => new Map(kept),
    set: async (namespace: string, quota: QuotaPatch | null) =>
      void (quota === null ? kept.delete(namespace) : kept.set(namespace, quota)),
  };
}

test('a namespace has the standard quota until an admin gives it another, part by part', async (t) => {
  const quotas = new Quotas(memory(), standard);
  t.is(quotas.of('a'), standard);
  t.deepEqual(await quotas.change('a', { functions: 20 }), { ...standard, functions: 20 });
  t.deepEqual(await quotas.change('a', { concurrentCalls: null }), {
    ...standard,
    functions: 20,
    concurrentCalls: null,
  });
  t.is(quotas.of('b'), standard);
  await quotas.reset('a');
  t.is(quotas.of('a'), standard);
});

test('what is no quota is refused, and changes nothing', async (t) => {
  const quotas = new Quotas(memory(), standard);
  for (const value of [{ functions: -1 }, { functions: 1.5 }, { functions: '5' }, { other: 1 }, null, []])
    await t.throwsAsync(quotas.change('a', value), { code: 'INVALID_REQUEST' } as object);
  t.is(quotas.of('a'), standard);
});

test('quotas of single namespaces outlive the server', async (t) => {
  const dir = temporaryDirectory(t);
  const open = () => new SqliteFunctionStore({ dir, readRestored: () => ({ functions: [], lost: [] }) });
  const first = open();
  const quotas = new Quotas(first.quotas, standard);
  await quotas.open();
  await quotas.change('a', { functions: 0 });
  await quotas.change('b', { callsPerMinute: 7 });
  await quotas.reset('b');
  await first.close();
  const second = open();
  t.teardown(() => second.close());
  const again = new Quotas(second.quotas, standard);
  await again.open();
  t.deepEqual(again.of('a'), { ...standard, functions: 0 });
  t.is(again.of('b'), standard);
});

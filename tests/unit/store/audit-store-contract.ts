/** Owns what every `AuditStore` must do. Each implementation runs it from a test file of its own. */
import test, { type ExecutionContext } from 'ava';
import type { AuditEntry } from '../../../src/model/account/audit-record.js';
import type { AuditStore } from '../../../src/store/audit-store.js';

const entry = (target: string): AuditEntry & { at: number } => ({
  at: 5,
  actor: { kind: 'user', id: 'u', user: 'u' },
  namespace: 'u',
  action: 'function.deploy',
  target,
  address: '192.0.2.1',
  detail: { version: 3 },
});

/** @param open an empty store */
export function auditStoreContract(
  subject: string,
  open: (t: ExecutionContext) => AuditStore | Promise<AuditStore>,
): void {
  test(`${subject} lists lines as they were given, the newest first, page by page`, async (t) => {
    const store = await open(t);
    t.deepEqual(await store.list({ limit: 10 }), []);
    for (const target of ['a', 'b', 'c €']) await store.append(entry(target), 100);
    const all = await store.list({ limit: 10 });
    t.deepEqual(
      all.map(({ target }) => target),
      ['c €', 'b', 'a'],
    );
    const { id, ...rest } = all[0]!;
    t.deepEqual<unknown, unknown>(rest, entry('c €'));
    t.deepEqual(await store.list({ limit: 1, before: id }), [all[1]!]);
  });

  test(`${subject} forgets the oldest lines beyond those that are kept, and uses no id again`, async (t) => {
    const store = await open(t);
    for (const target of ['a', 'b', 'c', 'd']) await store.append(entry(target), 2);
    const left = await store.list({ limit: 10 });
    t.deepEqual(
      left.map(({ target }) => target),
      ['d', 'c'],
    );
    await store.append(entry('e'), 2);
    t.true((await store.list({ limit: 1 }))[0]!.id > left[0]!.id);
  });
}

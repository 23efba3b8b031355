/** Owns what every `FunctionStore` must do. Each implementation runs it from a test file of its own. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { StoreError } from '../../../src/model/store-error.js';
import type { FunctionStore } from '../../../src/store/function-store.js';
import { MemoryFunctionStore } from '../../helpers/memory-function-store.js';
import { idOf, publication, record, refOf, settings, version } from './builders.js';

/** @param open an empty store; the suite closes it */
export function functionStoreContract(subject: string, open: (t: ExecutionContext) => FunctionStore): void {
  const opened = (t: ExecutionContext): FunctionStore => {
    const store = open(t);
    t.teardown(() => store.close());
    return store;
  };
  const versionsOf = async (store: FunctionStore, name: string): Promise<number[]> =>
    (await store.listVersions(idOf(name))).map((kept) => kept.version);
  const doomed = async (store: FunctionStore): Promise<string[]> =>
    (await store.listDoomed()).map(({ ref, version: number }) => `${ref.namespace}/${ref.name}@${number}`);

  test(`${subject} is empty when new`, async (t) => {
    const store = opened(t);
    t.deepEqual(await store.list(), []);
    t.is(await store.get(idOf('a')), undefined);
    t.deepEqual(await store.listVersions(idOf('a')), []);
    t.deepEqual(await store.listDoomed(), []);
    await t.notThrowsAsync(store.check());
  });

  test(`${subject} returns a published function as it was given`, async (t) => {
    const store = opened(t);
    const request = {
      ...publication('hello', 1, 5_000),
      settings: { ...settings, env: { A: 'x\0y', __proto__x: '€' } },
    };
    const expected = record('hello', 1, {
      createdAt: 5_000,
      updatedAt: 5_000,
      settings: request.settings,
    });
    t.deepEqual(await store.publish(request), expected);
    t.deepEqual(await store.get(idOf('hello')), expected);
    t.deepEqual(await store.list(), [expected]);
    t.deepEqual(await store.listVersions(idOf('hello')), [request.version]);
  });

  test(`${subject} keeps the source of a version`, async (t) => {
    const store = opened(t);
    const source = {
      type: 'image' as const,
      image: 'registry/x',
      digest: 'sha256:0',
      ports: [80],
      owner: 'Ada',
    };
    await store.publish({ ...publication('f'), version: { ...version('f'), source } });
    t.deepEqual((await store.get(idOf('f')))?.active.source, source);
  });

  test(`${subject} makes the published version the active one and keeps the others and the day of creation`, async (t) => {
    const store = opened(t);
    await store.publish(publication('f', 1, 1_000));
    const next = await store.publish({
      ...publication('f', 2, 2_000),
      settings: { ...settings, memoryMb: 256 },
    });
    t.like(next, { createdAt: 1_000, updatedAt: 2_000, active: { version: 2 }, settings: { memoryMb: 256 } });
    t.deepEqual(await versionsOf(store, 'f'), [2, 1]);
  });

  test(`${subject} refuses to publish a version twice and changes nothing`, async (t) => {
    const store = opened(t);
    await store.publish(publication('f', 1, 1_000));
    const before = await store.get(idOf('f'));
    const error = await t.throwsAsync(
      store.publish({ ...publication('f', 1, 9_000), settings: { ...settings, cpus: 2 } }),
    );
    t.true(error instanceof StoreError);
    t.false((error as StoreError).full);
    t.notRegex(error.message, /constraint|UNIQUE|SQL/i);
    t.deepEqual(await store.get(idOf('f')), before);
  });

  test(`${subject} refuses a second function of the same name in a namespace, and takes it in another`, async (t) => {
    const store = opened(t);
    await store.publish(publication('f'));
    const second = publication('f', 1, 2_000, 2_000);
    t.true((await t.throwsAsync(store.publish(second))) instanceof StoreError);
    t.is(await store.get(second.version.functionId), undefined);
    await store.publish({ ...second, ref: refOf('f', 'team') });
    t.deepEqual(
      (await store.list()).map(({ ref }) => ref),
      [refOf('f'), refOf('f', 'team')],
    );
  });

  test(`${subject} lists functions sorted by namespace and name`, async (t) => {
    const store = opened(t);
    for (const name of ['b', 'a.b', 'Z', 'a-b', 'a', '0', 'a_b']) await store.publish(publication(name));
    await store.publish({ ...publication('first'), ref: refOf('first', 'a-namespace') });
    t.deepEqual(
      (await store.list()).map(({ ref }) => ref.name),
      ['first', '0', 'Z', 'a', 'a-b', 'a.b', 'a_b', 'b'],
    );
  });

  test(`${subject} tells names apart by letter case`, async (t) => {
    const store = opened(t);
    await store.publish(publication('Fn'));
    await t.notThrowsAsync(store.publish(publication('fn')));
    t.is((await store.list()).length, 2);
  });

  test(`${subject} replaces settings without a new version`, async (t) => {
    const store = opened(t);
    await store.publish(publication('f', 1, 1_000));
    const updated = await store.updateSettings(idOf('f'), { ...settings, timeoutMs: 100 }, 3_000);
    t.like(updated, {
      createdAt: 1_000,
      updatedAt: 3_000,
      active: version('f', 1),
      settings: { timeoutMs: 100 },
    });
    t.deepEqual(await store.get(idOf('f')), updated);
    t.is(await store.updateSettings(idOf('nobody'), settings, 3_000), undefined);
    t.is(await store.get(idOf('nobody')), undefined);
  });

  test(`${subject} makes a kept version active again with the settings given`, async (t) => {
    const store = opened(t);
    for (const number of [1, 2, 3]) await store.publish(publication('f', number));
    const back = await store.activate(idOf('f'), 2, { ...settings, memoryMb: 64 }, 9_000);
    t.like(back, { createdAt: 1_000, updatedAt: 9_000, active: version('f', 2), settings: { memoryMb: 64 } });
    t.deepEqual(await store.get(idOf('f')), back);
    t.deepEqual(
      (await store.listVersions(idOf('f'))).map((kept) => kept.version),
      [3, 2, 1],
      'no version goes, and none comes',
    );
    await store.removeVersions(idOf('f'), [1, 2]);
    t.is((await store.get(idOf('f')))?.active.version, 2, 'the active version is kept');
    t.is(await store.activate(idOf('f'), 1, settings, 9_001), undefined);
    t.is(await store.activate(idOf('nobody'), 1, settings, 9_001), undefined);
    t.like(await store.get(idOf('f')), { updatedAt: 9_000, active: { version: 2 } });
  });

  test(`${subject} forgets versions, but never the active one, and dooms them`, async (t) => {
    const store = opened(t);
    for (const number of [1, 2, 3]) await store.publish(publication('f', number));
    await store.publish(publication('other', 1));
    await store.removeVersions(idOf('f'), [1, 3, 77]);
    await store.removeVersions(idOf('nobody'), [1]);
    t.deepEqual(await versionsOf(store, 'f'), [3, 2]);
    t.deepEqual(await versionsOf(store, 'other'), [1]);
    t.deepEqual(await doomed(store), ['default/f@1']);
  });

  test(`${subject} forgets everything about a removed function, and nothing about others`, async (t) => {
    const store = opened(t);
    for (const number of [1, 2]) await store.publish(publication('f', number));
    await store.publish(publication('other'));
    t.true(await store.remove(idOf('f'), [7]));
    t.false(await store.remove(idOf('f'), [8]));
    t.is(await store.get(idOf('f')), undefined);
    t.deepEqual(await store.listVersions(idOf('f')), []);
    t.deepEqual(await doomed(store), ['default/f@1', 'default/f@2', 'default/f@7']);
    t.deepEqual(await versionsOf(store, 'other'), [1]);
  });

  test(`${subject} takes a function deployed again under a removed name for another one`, async (t) => {
    const store = opened(t);
    await store.publish(publication('f', 1, 1_000));
    await store.remove(idOf('f'));
    const again = await store.publish(publication('f', 1, 1_000, 2_000));
    t.is(again.id, idOf('f', 2_000));
    t.is(await store.get(idOf('f')), undefined);
    t.deepEqual((await store.listVersions(again.id)).length, 1);
  });

  test(`${subject} keeps what is doomed until it is published or forgotten`, async (t) => {
    const store = opened(t);
    const all = [1, 2, 3].map((number) => ({ ref: refOf('f'), version: number }));
    await store.doom([...all, { ref: refOf('f', 'team'), version: 1 }]);
    await store.doom(all.slice(0, 1));
    t.deepEqual(await doomed(store), ['default/f@1', 'default/f@2', 'default/f@3', 'team/f@1']);
    await store.publish(publication('f', 1));
    t.deepEqual(await doomed(store), ['default/f@2', 'default/f@3', 'team/f@1']);
    await store.forgetDoomed([all[1]!, { ref: refOf('nobody'), version: 1 }]);
    t.deepEqual(await doomed(store), ['default/f@3', 'team/f@1']);
  });

  test(`${subject} hands out copies that a caller may change`, async (t) => {
    const store = opened(t);
    const request = publication('f');
    (await store.publish({ ...request, settings: structuredClone(settings) })).settings.env['X'] = '1';
    (await store.list())[0]!.active.digest = 'changed';
    t.like(await store.get(idOf('f')), {
      settings: { env: {} },
      active: { digest: request.version.digest },
    });
  });

  test(`${subject} rejects with StoreError when it is used after being closed`, async (t) => {
    const store = opened(t);
    await store.close();
    await t.notThrowsAsync(store.close());
    for (const use of [
      () => store.check(),
      () => store.list(),
      () => store.publish(publication('f')),
      () => store.remove(idOf('f')),
      () => store.doom([]),
      () => store.listDoomed(),
    ]) {
      t.true((await t.throwsAsync(use())) instanceof StoreError);
    }
  });

  test(`${subject} behaves like a model under any sequence of operations`, async (t) => {
    const name = fc.constantFrom('a', 'b', 'c');
    const number = fc.integer({ min: 1, max: 3 });
    const life = fc.constantFrom(1_000, 2_000);
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('publish' as const), name, version: number, life, at: fc.nat(5) }),
      fc.record({ kind: fc.constant('settings' as const), name, life, memoryMb: fc.nat(512) }),
      fc.record({ kind: fc.constant('versions' as const), name, life, versions: fc.array(number) }),
      fc.record({ kind: fc.constant('remove' as const), name, life, leftovers: fc.array(number) }),
      fc.record({ kind: fc.constant('doom' as const), name, version: number }),
      fc.record({ kind: fc.constant('forget' as const), name, version: number }),
    );
    const perform = async (
      store: FunctionStore,
      op: typeof operation extends fc.Arbitrary<infer T> ? T : never,
    ): Promise<unknown> => {
      try {
        switch (op.kind) {
          case 'publish':
            return await store.publish(publication(op.name, op.version, op.at, op.life));
          case 'settings':
            return await store.updateSettings(
              idOf(op.name, op.life),
              { ...settings, memoryMb: op.memoryMb },
              77,
            );
          case 'versions':
            return await store.removeVersions(idOf(op.name, op.life), op.versions);
          case 'remove':
            return await store.remove(idOf(op.name, op.life), op.leftovers);
          case 'doom':
            return await store.doom([{ ref: refOf(op.name), version: op.version }]);
          case 'forget':
            return await store.forgetDoomed([{ ref: refOf(op.name), version: op.version }]);
        }
      } catch (error) {
        return error instanceof StoreError ? 'StoreError' : error;
      }
    };
    const ids = ['a', 'b', 'c'].flatMap((key) => [idOf(key, 1_000), idOf(key, 2_000)]);
    const everything = async (store: FunctionStore): Promise<unknown> => ({
      functions: await store.list(),
      doomed: await store.listDoomed(),
      versions: await Promise.all(ids.map((id) => store.listVersions(id))),
    });
    // One store for all runs (opening one is most of the time); each run starts by removing what the last one left.
    const store = opened(t);
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
        for (const id of ids) await store.remove(id);
        await store.forgetDoomed(await store.listDoomed());
        const model = new MemoryFunctionStore();
        for (const op of operations)
          t.deepEqual(await perform(store, op), await perform(model, op), JSON.stringify(op));
        t.deepEqual(await everything(store), await everything(model));
      }),
      { numRuns: 60 },
    );
    t.pass();
  });
}

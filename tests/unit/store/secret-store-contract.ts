/** Owns what every `SecretStore` must do. Each implementation runs it from a test file of its own. */
import test, { type ExecutionContext } from 'ava';
import type { FunctionStore } from '../../../src/store/function-store.js';
import type { SecretStore } from '../../../src/store/secret-store.js';
import { idOf, publication } from './builders.js';

export interface OpenedStores {
  secrets: SecretStore;
  /** The functions that secrets may belong to. */
  functions: FunctionStore;
}

/** @param open empty stores; the suite closes that of functions */
export function secretStoreContract(
  subject: string,
  open: (t: ExecutionContext) => OpenedStores | Promise<OpenedStores>,
): void {
  const opened = async (t: ExecutionContext): Promise<OpenedStores> => {
    const stores = await open(t);
    t.teardown(() => stores.functions.close());
    await stores.functions.publish(publication('f'));
    await stores.functions.publish(publication('g'));
    return stores;
  };
  const sealed = Uint8Array.of(0, 1, 255);

  test(`${subject} returns secrets as they were given, sorted by function and name`, async (t) => {
    const { secrets } = await opened(t);
    t.deepEqual(await secrets.list(), []);
    const b = { functionId: idOf('f'), name: 'B', sealed, createdAt: 1, updatedAt: 1 };
    t.deepEqual(await secrets.put(idOf('f'), 'B', sealed, 1), b);
    const a = await secrets.put(idOf('f'), 'A', Uint8Array.of(), 2);
    const g = await secrets.put(idOf('g'), 'B', Uint8Array.of(7), 3);
    const ordered = idOf('f') < idOf('g') ? [a, b, g] : [g, a, b];
    t.deepEqual(await secrets.list(), ordered);
  });

  test(`${subject} replaces a value and keeps when the secret was made`, async (t) => {
    const { secrets } = await opened(t);
    await secrets.put(idOf('f'), 'A', sealed, 1);
    const replaced = {
      functionId: idOf('f'),
      name: 'A',
      sealed: Uint8Array.of(9),
      createdAt: 1,
      updatedAt: 5,
    };
    t.deepEqual(await secrets.put(idOf('f'), 'A', Uint8Array.of(9), 5), replaced);
    t.deepEqual(await secrets.list(), [replaced]);
  });

  test(`${subject} removes one secret of one function`, async (t) => {
    const { secrets } = await opened(t);
    await secrets.put(idOf('f'), 'A', sealed, 1);
    await secrets.put(idOf('g'), 'A', sealed, 1);
    t.true(await secrets.remove(idOf('f'), 'A'));
    t.false(await secrets.remove(idOf('f'), 'A'));
    t.deepEqual(
      (await secrets.list()).map(({ functionId }) => functionId),
      [idOf('g')],
    );
  });

  test(`${subject} takes no secret of a function that is not there, and forgets those of one that is deleted`, async (t) => {
    const { secrets, functions } = await opened(t);
    t.is(await secrets.put(idOf('nobody'), 'A', sealed, 1), undefined);
    await secrets.put(idOf('f'), 'A', sealed, 1);
    await secrets.put(idOf('g'), 'A', sealed, 1);
    await functions.publish(publication('f', 2));
    t.is((await secrets.list()).length, 2, 'a new version keeps them');
    await functions.remove(idOf('f'));
    t.deepEqual(
      (await secrets.list()).map(({ functionId }) => functionId),
      [idOf('g')],
    );
  });
}

import test from 'ava';
import { SqliteFunctionStore } from '../../../../../src/store/sqlite/functions/sqlite-function-store.js';
import { idOf, publication } from '../../builders.js';
import { routeStoreContract } from '../../route-store-contract.js';
import { temporaryDirectory } from '../../temporary.js';

const open = (dir: string): SqliteFunctionStore =>
  new SqliteFunctionStore({ dir, readRestored: () => ({ functions: [], lost: [] }) });

routeStoreContract('SqliteRouteStore', (t) => {
  const functions = open(temporaryDirectory(t));
  return { functions, routes: functions.routes };
});

test('a store of routes opened again has what was written before', async (t) => {
  const dir = temporaryDirectory(t);
  const first = open(dir);
  await first.publish(publication('f'));
  await first.routes.put({ id: 'a', namespace: 'default', path: '/a', functionId: idOf('f'), createdAt: 1 });
  await first.close();
  const second = open(dir);
  t.teardown(() => second.close());
  t.deepEqual(await second.routes.list(), [
    { id: 'a', namespace: 'default', path: '/a', functionId: idOf('f'), createdAt: 1 },
  ]);
});

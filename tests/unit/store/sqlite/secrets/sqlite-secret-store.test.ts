import test from 'ava';
import { SqliteFunctionStore } from '../../../../../src/store/sqlite/functions/sqlite-function-store.js';
import { idOf, publication } from '../../builders.js';
import { secretStoreContract } from '../../secret-store-contract.js';
import { temporaryDirectory } from '../../temporary.js';

const open = (dir: string): SqliteFunctionStore =>
  new SqliteFunctionStore({ dir, readRestored: () => ({ functions: [], lost: [] }) });

secretStoreContract('SqliteSecretStore', (t) => {
  const functions = open(temporaryDirectory(t));
  return { functions, secrets: functions.secrets };
});

test('a store of secrets opened again has what was written before', async (t) => {
  const dir = temporaryDirectory(t);
  const first = open(dir);
  await first.publish(publication('f'));
  const secret = await first.secrets.put(idOf('f'), 'A', Uint8Array.of(1, 2, 3), 1);
  await first.close();
  const second = open(dir);
  t.teardown(() => second.close());
  t.deepEqual(await second.secrets.list(), [secret!]);
});

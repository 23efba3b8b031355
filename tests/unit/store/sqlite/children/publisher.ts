/**
 * Publishes versions of functions, one after another, into the directory given, and says "ACK <name> <version>" on stdout
 * after each. After each ten it removes a function and says "GONE <name>"; when that is published again it is another life.
 */
import { writeSync } from 'node:fs';
import { SqliteFunctionStore } from '../../../../../src/store/sqlite/functions/sqlite-function-store.js';
import { idOf, publication } from '../../builders.js';

const [dir, count] = process.argv.slice(2) as [string, string];
const store = new SqliteFunctionStore({ dir, readRestored: () => ({ functions: [], lost: [] }) });
let life = 1;
writeSync(1, 'OPEN\n');
for (let n = 1; n <= Number(count); n++) {
  const name = `f${n % 7}`;
  await store.publish(publication(name, n, n, name === 'f3' ? life : 1));
  writeSync(1, `ACK ${name} ${n}\n`);
  if (n % 10 === 0) {
    const removed = await store.remove(idOf('f3', life));
    life += 1;
    if (removed) writeSync(1, `GONE f3 ${n}\n`);
  }
}

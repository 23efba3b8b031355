/**
 * Publishes versions of one function after another into the directory given, and says "ACK <name> <version>" on stdout
 * after each. With a third argument it removes a function after each ten and says "GONE <name>".
 */
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../../../../src/store/sqlite/sqlite-store.js';
import { publication } from '../../builders.js';

const [dir, count] = process.argv.slice(2) as [string, string];
const store = openSqliteStore({ dir });
writeSync(1, 'OPEN\n');
for (let n = 1; n <= Number(count); n++) {
  store.publish(publication(`f${n % 7}`, n, n));
  writeSync(1, `ACK f${n % 7} ${n}\n`);
  if (n % 10 === 0) {
    const removed = store.removeFunction('f3');
    if (removed) writeSync(1, `GONE f3 ${n}\n`);
  }
}

import test from 'ava';
import fc from 'fast-check';
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { openDatabase } from '../../../../src/store/sqlite/open-database.js';
import { transaction } from '../../../../src/store/sqlite/transaction.js';
import { walDamage } from '../../../../src/store/sqlite/wal.js';
import { temporaryDirectory } from '../temporary.js';

/** The log of a database with a row per commit, some large; `commits` are the lengths the log had after each. */
function realLog(t: ExecutionContext, restart = false): { log: Buffer; commits: number[]; file: string } {
  const dir = temporaryDirectory(t);
  const file = join(dir, 'x.db');
  const db = openDatabase(file, 'FULL', 1024 * 1024 * 1024);
  db.exec('CREATE TABLE a (x BLOB)');
  const insert = db.prepare('INSERT INTO a VALUES (?)');
  if (restart) {
    for (let n = 0; n < 20; n++) insert.run(Buffer.alloc(9_000, n));
    db.exec('PRAGMA wal_checkpoint(RESTART)'); // what follows overwrites the log from its beginning
  }
  const commits: number[] = [];
  const copy = join(dir, 'copy');
  for (let n = 0; n < 8; n++) {
    transaction(db, () => insert.run(Buffer.alloc(n % 3 === 0 ? 10_000 : 10, n)));
    commits.push(statSync(`${file}-wal`).size);
  }
  copyFileSync(`${file}-wal`, copy);
  db.close();
  return { log: readFileSync(copy), commits, file: copy };
}

test('a log that is not there, empty, or shorter than a header is no damage', (t) => {
  const file = join(temporaryDirectory(t), 'x.db-wal');
  t.is(walDamage(file), undefined);
  for (const content of ['', 'x'.repeat(31), Buffer.alloc(4096)]) {
    writeFileSync(file, content);
    t.is(walDamage(file), undefined);
  }
});

test('a sound log is no damage, with or without older frames behind it', (t) => {
  t.is(walDamage(realLog(t).file), undefined);
  t.is(walDamage(realLog(t, true).file), undefined);
});

test('a log cut at any length is what a crash leaves', (t) => {
  const { log, file } = realLog(t);
  fc.assert(
    fc.property(fc.nat(log.length), (length) => {
      writeFileSync(file, log.subarray(0, length));
      return walDamage(file) === undefined;
    }),
    { examples: [[0], [31], [32], [33], [log.length - 1]], numRuns: 60 },
  );
  t.pass();
});

test('a byte changed anywhere before the last commit but one is damage', (t) => {
  const { log, commits, file } = realLog(t);
  const proven = commits.at(-2)!; // the last commit follows it, so everything before had been synced
  // Where its last frame says that it is a commit, and of this log: without that it could be a torn part of what follows.
  const frame = proven - 4096 - 24;
  const couldBeTorn = (at: number): boolean => at >= frame + 4 && at < frame + 16;
  fc.assert(
    fc.property(fc.nat(proven - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      fc.pre(!couldBeTorn(at));
      const changed = Buffer.from(log);
      changed[at]! ^= change;
      writeFileSync(file, changed);
      return walDamage(file) !== undefined;
    }),
    {
      examples: [
        [frame + 3, 1],
        [frame + 16, 1],
        [0, 1],
        [16, 1],
        [31, 1],
        [32, 1],
        [proven - 1, 1],
      ],
      numRuns: 150,
    },
  );
  t.pass();
});

test('a byte changed in the last transaction looks like a torn write and is taken for one', (t) => {
  const { log, commits, file } = realLog(t);
  const changed = Buffer.from(log);
  changed[commits.at(-1)! - 1]! ^= 1;
  writeFileSync(file, changed);
  t.is(walDamage(file), undefined);
});

test('garbage of any kind in place of a log is damage', (t) => {
  const file = join(temporaryDirectory(t), 'x.db-wal');
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 20_000 }), (bytes) => {
      writeFileSync(file, bytes);
      return bytes.every((byte) => byte === 0) || walDamage(file) !== undefined;
    }),
  );
  t.pass();
});

import test from 'ava';
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '../../../../src/store/sqlite/lock-file.js';
import { temporaryDirectory } from '../temporary.js';

test('a lock is held by one, and had again after its release', (t) => {
  const file = join(temporaryDirectory(t), 'lock.db');
  const lock = lockFile(file)!;
  t.is(lockFile(file), undefined);
  lock.release();
  lock.release();
  const again = lockFile(file)!;
  t.is(lockFile(file), undefined);
  again.release();
});

for (const [what, content] of [
  ['text', 'garbage'.repeat(1_000)],
  ['a few bytes', 'x'],
  ['zeros', Buffer.alloc(8192)],
] as const) {
  test(`a lock file that holds ${what} is emptied and locked in its place`, (t) => {
    const file = join(temporaryDirectory(t), 'lock.db');
    writeFileSync(file, content);
    const { ino } = statSync(file);
    const lock = lockFile(file)!;
    t.truthy(lock);
    t.is(lockFile(file), undefined);
    t.is(statSync(file).ino, ino);
    lock.release();
  });
}

test('a lock file that another program writes over while the lock is held stays locked', (t) => {
  const file = join(temporaryDirectory(t), 'lock.db');
  const lock = lockFile(file)!;
  // By another process: when this one closes a descriptor of the file, the kernel takes its locks for given back.
  execFileSync('sh', ['-c', 'yes garbage | head -c 8192 > "$1"', 'sh', file]);
  t.is(lockFile(file), undefined);
  lock.release();
  lockFile(file)!.release();
});

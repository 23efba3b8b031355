import { chmodSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { KeyFile, KeyFileError } from '../../../src/data/key-file.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

test('a key file is made once, for its owner alone, and read again as it is', (t) => {
  const dir = temporaryDirectory(t);
  const file = new KeyFile(dir);
  t.is(file.read(), undefined);
  const key = file.create();
  t.is(key.length, 32);
  t.deepEqual(readdirSync(dir), ['secrets.key']);
  t.is(statSync(join(dir, 'secrets.key')).mode & 0o777, 0o600);
  t.deepEqual(new KeyFile(dir).read(), key);
  t.throws(() => file.create(), { instanceOf: KeyFileError });
  t.deepEqual(file.read(), key, 'a key that is there is never replaced');
  t.notDeepEqual(new KeyFile(temporaryDirectory(t)).create(), key);
});

test('what a crash left of making one does not matter', (t) => {
  const dir = temporaryDirectory(t);
  writeFileSync(join(dir, 'secrets.key.new'), 'ab');
  const file = new KeyFile(dir);
  t.is(file.read(), undefined);
  t.deepEqual(file.create(), file.read());
});

test('a key file that others can read is made private, and that is told', (t) => {
  const dir = temporaryDirectory(t);
  let told = 0;
  const file = new KeyFile(dir, () => told++);
  const key = file.create();
  chmodSync(join(dir, 'secrets.key'), 0o640);
  t.deepEqual(file.read(), key);
  t.deepEqual(file.read(), key);
  t.is(told, 1);
  t.is(statSync(join(dir, 'secrets.key')).mode & 0o777, 0o600);
});

test('what is no key file is refused with a sentence, without a path', (t) => {
  for (const content of ['', 'x'.repeat(64), 'ab'.repeat(31), 'ab'.repeat(33), 'x'.repeat(2_000)]) {
    const dir = temporaryDirectory(t);
    writeFileSync(join(dir, 'secrets.key'), content, { mode: 0o600 });
    const error = t.throws(() => new KeyFile(dir).read(), {
      instanceOf: KeyFileError,
      message: /^secrets\.key /,
    });
    t.false(error.message.includes('/'));
    t.is(readFileSync(join(dir, 'secrets.key'), 'utf8'), content);
  }
  const dir = temporaryDirectory(t);
  new KeyFile(temporaryDirectory(t)).create();
  symlinkSync('/etc/hostname', join(dir, 'secrets.key'));
  t.throws(() => new KeyFile(dir).read(), { instanceOf: KeyFileError });
});

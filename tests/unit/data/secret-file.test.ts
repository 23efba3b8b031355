import test from 'ava';
import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secretFile } from '../../../src/data/secret-file.js';
import { StartupError } from '../../../src/model/startup-error.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

test('a secret is made once, and is its owner’s alone', (t) => {
  const file = join(temporaryDirectory(t), 'secret');
  const secret = secretFile(file, 32);
  t.is(secret.length, 32);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.deepEqual(secretFile(file, 32), secret);
  t.false(readFileSync(file).includes(secret), 'as text');
});

test('a secret that others can read, or that is none, stops the start with a sentence', (t) => {
  const dir = temporaryDirectory(t);
  const open = join(dir, 'open');
  secretFile(open, 32);
  chmodSync(open, 0o640);
  t.throws(() => secretFile(open, 32), { instanceOf: StartupError, message: /read by others/ });
  const short = join(dir, 'short');
  writeFileSync(short, 'AAAA\n', { mode: 0o600 });
  t.throws(() => secretFile(short, 32), {
    instanceOf: StartupError,
    message: /does not hold a secret of 32 bytes/,
  });
  const link = join(dir, 'link');
  symlinkSync(dir, link);
  t.throws(() => secretFile(link, 32), { instanceOf: StartupError });
});

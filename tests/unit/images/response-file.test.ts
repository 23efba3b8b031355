import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  type BigIntStats,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readResponseFile } from '../../../src/images/response-file.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

function prefilled(t: ExecutionContext): { path: string; before: BigIntStats } {
  const path = join(temporaryDirectory(t), 'response.json');
  writeFileSync(path, '{}');
  return { path, before: statSync(path, { bigint: true }) };
}

test('a file that nobody has written is the prefilled answer, and said to be unwritten', (t) => {
  const { path, before } = prefilled(t);
  t.deepEqual(readResponseFile(path, before, 100), {
    type: 'content',
    body: Buffer.from('{}'),
    isWritten: false,
  });
});

test('a file written again with the same content counts as written', (t) => {
  const { path, before } = prefilled(t);
  rmSync(path);
  writeFileSync(path, '{}');
  t.like(readResponseFile(path, before, 100), { type: 'content', isWritten: true });
});

test('a file of exactly the limit is read, one byte more is too large', (t) => {
  const { path, before } = prefilled(t);
  writeFileSync(path, 'x'.repeat(100));
  t.like(readResponseFile(path, before, 100), { body: Buffer.from('x'.repeat(100)) });
  writeFileSync(path, 'x'.repeat(101));
  t.like(readResponseFile(path, before, 100), { type: 'unusable', kind: 'response-too-large' });
});

test('a sparse file of 10 GB is refused without being read', (t) => {
  const { path, before } = prefilled(t);
  truncateSync(path, 10 * 2 ** 30);
  const file = readResponseFile(path, before, 6 * 2 ** 20);
  t.like(file, { type: 'unusable', kind: 'response-too-large' });
  t.regex((file as { message: string }).message, /10737418240 bytes, and at most 6291456/);
});

test('links, pipes, folders and missing files are refused, with words for each', (t) => {
  const rows: [make: (path: string) => void, words: RegExp][] = [
    [(path) => symlinkSync('/etc/passwd', path), /it is a link/],
    [(path) => symlinkSync('nowhere', path), /it is a link/],
    [(path) => execFileSync('mkfifo', [path]), /no regular file/],
    [(path) => mkdirSync(path), /a folder/],
    [() => undefined, /not there/],
  ];
  for (const [make, words] of rows) {
    const { path, before } = prefilled(t);
    rmSync(path);
    make(path);
    const file = readResponseFile(path, before, 100);
    t.like(file, { type: 'unusable', kind: 'bad-response' });
    t.regex((file as { message: string }).message, words);
    t.notRegex((file as { message: string }).message, /\/tmp\//);
  }
});

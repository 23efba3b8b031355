import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { protectFromOom } from '../../src/oom-score.js';
import { temporaryDirectory } from '../helpers/temporary-directory.js';

test('the server lowers its score for the kernel that looks for memory', (t) => {
  const file = join(temporaryDirectory(t), 'oom_score_adj');
  writeFileSync(file, '0\n');
  t.is(protectFromOom(file), null);
  t.is(readFileSync(file, 'utf8').trim(), '-500');
});

test('a score that the operator has set lower stays', (t) => {
  const file = join(temporaryDirectory(t), 'oom_score_adj');
  writeFileSync(file, '-900\n');
  t.is(protectFromOom(file), null);
  t.is(readFileSync(file, 'utf8'), '-900\n');
});

test('a score that may not be lowered is a sentence with a way out', (t) => {
  const denied = protectFromOom(join(temporaryDirectory(t), 'none'));
  t.regex(
    denied ?? '',
    /^[^\n]*out of memory, Linux may end this server[^\n]*\. [^\n]*glambdar service install[^\n]*ENOENT[^\n]*\.$/,
  );
});

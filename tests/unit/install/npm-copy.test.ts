import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { HostNpm } from '../../../src/install/host-npm.js';
import { visibleNpm } from '../../../src/install/npm-copy.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

function makeNpm(root: string): HostNpm {
  const directory = join(root, 'npm');
  mkdirSync(join(directory, 'bin'), { recursive: true });
  writeFileSync(join(directory, 'bin/npm-cli.js'), 'program');
  chmodSync(join(directory, 'bin/npm-cli.js'), 0o755);
  const registry = { url: new URL('http://127.0.0.1/'), authorization: null, proxy: null };
  return { directory, registry: { ...registry, ca: undefined, rejectUnauthorized: true } };
}

test('on the machine itself npm is used where it lies', async (t) => {
  const root = temporaryDirectory(t);
  const npm = makeNpm(root);
  t.is(await visibleNpm(npm, join(root, 'copy'), [join(root, 'no-such-mark')]), npm);
});

test('in a container npm is copied once, readable for everybody', async (t) => {
  const root = temporaryDirectory(t);
  const npm = makeNpm(root);
  const mark = join(root, 'mark');
  writeFileSync(mark, '');
  const copy = join(root, 'copy');
  t.is((await visibleNpm(npm, copy, [mark])).directory, copy);
  t.is(readFileSync(join(copy, 'bin/npm-cli.js'), 'utf8'), 'program');
  t.is(statSync(join(copy, 'bin/npm-cli.js')).mode & 0o777, 0o755);
  t.is(statSync(copy).mode & 0o777, 0o755);

  writeFileSync(join(npm.directory, 'bin/npm-cli.js'), 'changed');
  await visibleNpm(npm, copy, [mark]);
  t.is(readFileSync(join(copy, 'bin/npm-cli.js'), 'utf8'), 'program');
});

import fs from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { checkedMounts } from '../../../../../src/driver/docker/lifecycle/mount-sources.js';
import { temporaryDirectory } from '../../../../helpers/temporary-directory.js';

test('a program of the host can be mounted only if the driver was told of it, read-only, and by its real path', (t) => {
  const dir = fs.realpathSync(temporaryDirectory(t));
  const [root, program, other] = ['run', 'npm', 'other'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [root, program, other]) fs.mkdirSync(path);
  fs.mkdirSync(join(program, 'lib'));
  fs.symlinkSync(program, join(dir, 'link'));
  const mount = (source: string, readOnly = true) =>
    checkedMounts([{ source, target: '/npm', readOnly }], root, [program]);
  t.is(mount(program)[0]?.source, program);
  for (const source of [other, join(program, 'lib'), join(dir, 'link'), dir, '/'])
    t.throws(() => mount(source), { message: /cannot be mounted/ }, source);
  t.throws(() => mount(program, false), { message: /outside the run directory/ });
  t.throws(() => checkedMounts([{ source: program, target: '/npm', readOnly: true }], root), {
    message: /outside/,
  });
});

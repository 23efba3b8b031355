import fs from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { stampTree } from '../../../src/registry/tree-stamp.js';
import { linkTree } from '../../../src/registry/tree.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

function tree(t: ExecutionContext): { dir: string; file: string } {
  const dir = join(temporaryDirectory(t), 'tree');
  fs.mkdirSync(join(dir, 'lib'), { recursive: true });
  fs.writeFileSync(join(dir, 'lib', 'b.js'), 'b');
  const file = join(dir, 'index.js');
  fs.writeFileSync(file, 'one');
  return { dir, file };
}

test('a stamp stays while files are read and linked, and when the links go', async (t) => {
  const { dir, file } = tree(t);
  const before = await stampTree(dir);
  fs.readFileSync(file);
  await linkTree(dir, `${dir}-copy`);
  t.is(await stampTree(dir), before);
  fs.rmSync(`${dir}-copy`, { recursive: true });
  t.is(await stampTree(dir), before);
});

const changes: [what: string, change: (file: string, dir: string) => void][] = [
  ['is written over', (file) => fs.writeFileSync(file, 'two')],
  ['grows', (file) => fs.appendFileSync(file, ' ')],
  [
    'is replaced by an equal one',
    (file) => {
      const { atime, mtime } = fs.statSync(file);
      fs.writeFileSync(`${file}.new`, 'one');
      fs.utimesSync(`${file}.new`, atime, mtime);
      fs.renameSync(`${file}.new`, file);
    },
  ],
  ['gets another mode', (file) => fs.chmodSync(file, 0o755)],
  ['gets another name', (file) => fs.renameSync(file, `${file}x`)],
  ['goes', (file) => fs.rmSync(file)],
  [
    'becomes a link',
    (file, dir) => {
      fs.rmSync(file);
      fs.symlinkSync(join(dir, 'lib', 'b.js'), file);
    },
  ],
  ['gets a neighbour', (_, dir) => fs.writeFileSync(join(dir, 'lib', 'c.js'), '')],
];
for (const [what, change] of changes) {
  test(`a stamp changes when a file ${what}`, async (t) => {
    const { dir, file } = tree(t);
    const before = await stampTree(dir);
    change(file, dir);
    t.not(await stampTree(dir), before);
  });
}

test('a tree that is not there has no stamp', async (t) => {
  await t.throwsAsync(stampTree('/nowhere'), { code: 'ENOENT' });
});

/** What the packing libraries at hand make of a folder is extracted as that folder. */
import fs from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import AdmZip from 'adm-zip';
import test, { type ExecutionContext } from 'ava';
import { pack } from 'tar-stream';
import { extract, treeOf } from '../../../helpers/extract-here.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

const deep = `${'d'.repeat(80)}/${'e'.repeat(80)}/${'f'.repeat(80)}`;

/** A folder with what folders of functions have: long and foreign names, programs, empty files and folders. */
function sourceFolder(t: ExecutionContext): string {
  const dir = temporaryDirectory(t);
  for (const folder of ['lib', 'empty', 'with space', deep])
    fs.mkdirSync(join(dir, folder), { recursive: true });
  const files = ['index.js', 'lib/a.js', 'with space/b c.js', 'grüße-日本.js', `${deep}/long.js`, 'run.sh'];
  for (const file of files) fs.writeFileSync(join(dir, file), `content of ${file}\n`.repeat(30));
  fs.writeFileSync(join(dir, 'zero'), '');
  fs.chmodSync(join(dir, 'run.sh'), 0o755);
  fs.chmodSync(join(dir, 'lib'), 0o2775);
  return dir;
}

function list(dir: string): { name: string; path: string; isFolder: boolean; mode: number }[] {
  return fs.readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return {
      name: path.slice(dir.length + 1),
      path,
      isFolder: entry.isDirectory(),
      mode: fs.statSync(path).mode,
    };
  });
}

function packTar(dir: string, prefix: string): Promise<Buffer> {
  const tar = pack();
  if (prefix !== '') tar.entry({ name: prefix, type: 'directory' });
  for (const { name, path, isFolder, mode } of list(dir)) {
    if (isFolder) tar.entry({ name: prefix + name, type: 'directory', mode });
    else tar.entry({ name: prefix + name, mode }, fs.readFileSync(path));
  }
  tar.finalize();
  return buffer(tar);
}

const packers: [what: string, pack: (dir: string) => Buffer | Promise<Buffer>][] = [
  [
    'adm-zip from a folder',
    (dir) => {
      const zip = new AdmZip();
      zip.addLocalFolder(dir);
      return zip.toBuffer();
    },
  ],
  [
    'adm-zip file by file, without entries for folders that have files',
    (dir) => {
      const zip = new AdmZip();
      for (const { name, path, isFolder, mode } of list(dir)) {
        if (!isFolder) zip.addFile(`./${name}`, fs.readFileSync(path), '', mode);
        else if (fs.readdirSync(path).length === 0) zip.addFile(`${name}/`, Buffer.alloc(0));
      }
      return zip.toBuffer();
    },
  ],
  ['tar-stream', (dir) => packTar(dir, '')],
  ['tar-stream behind "./"', (dir) => packTar(dir, './')],
  ['tar-stream in one top folder', (dir) => packTar(dir, 'fn/')],
  ['tar-stream and gzip', async (dir) => gzipSync(await packTar(dir, ''))],
];

for (const [what, make] of packers) {
  test(`a folder packed by ${what} comes out as it was`, async (t) => {
    const dir = sourceFolder(t);
    const limits = { maxEntries: 100 };
    const { tree, targetDir } = await extract(t, 'archive', await make(dir), { limits });
    t.deepEqual(tree, treeOf(dir));
    const modeOf = (path: string): number => fs.statSync(join(targetDir, path)).mode & 0o7777;
    t.is(modeOf('run.sh'), 0o755);
    t.is(modeOf('index.js'), 0o644);
    t.is(modeOf('lib'), 0o755);
  });
}

import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import AdmZip from 'adm-zip';
import test from 'ava';
import { packFolder } from '../../../src/cli/bundle/pack-folder.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

const namesIn = (folder: string): string[] =>
  new AdmZip(packFolder(folder).zip).getEntries().map(({ entryName }) => entryName);

test("each folder's .gitignore counts for what lies below it, and an inner one may take back", (t) => {
  const folder = temporaryDirectory(t, {
    '.gitignore': '*.log\n/build\n',
    'a.log': '',
    'build/x.js': '',
    'lib/build/y.js': '',
    'lib/.gitignore': '!kept.log\n',
    'lib/kept.log': '',
    'lib/other.log': '',
    'node_modules/.bin/tool': '',
    'node_modules/tool/index.js': '',
    '.git/HEAD': '',
  });
  t.deepEqual(namesIn(folder), ['lib/build/y.js', 'lib/kept.log', 'node_modules/tool/index.js']);
});

test('a .glambdarignore takes the place of every .gitignore', (t) => {
  const folder = temporaryDirectory(t, {
    '.gitignore': 'dist\n',
    '.glambdarignore': 'src\n',
    'src/a.ts': '',
    'dist/a.js': '',
  });
  t.deepEqual(namesIn(folder), ['dist/a.js']);
});

test('a link out of the folder is refused, one to a file inside is followed, one to nothing is left out', (t) => {
  const folder = temporaryDirectory(t, { 'a.js': 'x' });
  symlinkSync('a.js', join(folder, 'b.js'));
  symlinkSync('nothing', join(folder, 'c.js'));
  t.deepEqual(namesIn(folder), ['a.js', 'b.js']);
  symlinkSync('/etc/hostname', join(folder, 'd.js'));
  t.throws(() => packFolder(folder), { name: 'CliError', message: /d\.js is a link/ });
});

test('an empty folder is refused with what to do', (t) => {
  t.throws(() => packFolder(temporaryDirectory(t, {})), { message: /glambdar init/ });
});

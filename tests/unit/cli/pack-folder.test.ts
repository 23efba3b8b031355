import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import AdmZip from 'adm-zip';
import test, { type ExecutionContext } from 'ava';
import { packFolder } from '../../../src/cli/bundle/pack-folder.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

/** A function's folder in whose node_modules `lib` and `@own/lib` are links to a folder beside it, as npm makes them. */
function folderWithLinks(t: ExecutionContext, manifest: unknown): string {
  const place = temporaryDirectory(t);
  mkdirSync(join(place, 'lib'));
  writeFileSync(join(place, 'lib/index.js'), '');
  const folder = join(place, 'function');
  mkdirSync(join(folder, 'node_modules/@own'), { recursive: true });
  symlinkSync('../../lib', join(folder, 'node_modules/lib'));
  symlinkSync('../../../lib', join(folder, 'node_modules/@own/lib'));
  writeFileSync(join(folder, 'index.js'), '');
  writeFileSync(
    join(folder, 'package.json'),
    typeof manifest === 'string' ? manifest : JSON.stringify(manifest),
  );
  return folder;
}

test('linked packages that only development needs are left out', (t) => {
  const links = { lib: 'file:../lib', '@own/lib': 'file:../lib' };
  const { zip, ignored } = packFolder(folderWithLinks(t, { devDependencies: links }));
  const paths = new AdmZip(zip).getEntries().map(({ entryName }) => entryName);
  t.deepEqual(paths, ['index.js', 'package.json']);
  t.is(ignored, 2);
});

const needed: [title: string, manifest: unknown][] = [
  ['that the function needs', { dependencies: { lib: 'file:../lib', '@own/lib': 'file:../lib' } }],
  [
    'that the function and its development need',
    { dependencies: { '@own/lib': 'file:../lib' }, devDependencies: { '@own/lib': 'file:../lib' } },
  ],
  ['that package.json does not name', {}],
  ['beside a package.json that is no object', 'null'],
  ['beside a package.json that is no JSON', '{'],
];
for (const [title, manifest] of needed) {
  test(`a linked package ${title} is refused with the command that copies it`, (t) => {
    t.throws(() => packFolder(folderWithLinks(t, manifest)), {
      message:
        /node_modules\/@own\/lib is a link, .*; run `npm install --install-links`, which copies .*\.glambdarignore\.$/,
    });
  });
}

test('a link elsewhere that leads out of the folder is refused, and one to a file inside is packed as the file', (t) => {
  const folder = folderWithLinks(t, { devDependencies: { lib: '*', '@own/lib': '*' } });
  symlinkSync('index.js', join(folder, 'again.js'));
  t.is(packFolder(folder).files, 3);
  symlinkSync('../lib', join(folder, 'lib'));
  t.throws(() => packFolder(folder), { message: /lib is a link, .*; put the files themselves there, or/ });
});

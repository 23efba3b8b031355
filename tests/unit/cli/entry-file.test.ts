import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { assertEntryFile } from '../../../src/cli/bundle/entry-file.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

function folderOf(t: ExecutionContext, files: Record<string, string>): string {
  const folder = temporaryDirectory(t);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

test('a folder without an entry file is refused with the functions that lie below it', (t) => {
  const folder = folderOf(t, {
    'package.json': '{"dependencies":{"left-pad":"1"}}',
    'src/app.ts': '',
    'links/index.js': '',
    'README.md': '',
  });
  t.throws(() => assertEntryFile(folder, '.'), {
    message: /^\. has no entry file: expected index\.js, .* Functions below it: `glambdar deploy links`\.$/,
  });
});

test('a folder that may have an entry file is left to the server', (t) => {
  const maybe: Record<string, string>[] = [
    { 'index.ts': '', other: '' },
    { 'package.json': '{"main":"lib/app"}', 'lib/app.js': '' },
    { 'package.json': 'no JSON', other: '' },
    { 'glambdar.json': '{"handler":"app.run"}', 'app.js': '' },
    { 'top/index.js': '' },
    { 'handler.py': '', other: '' },
    {},
  ];
  for (const files of maybe)
    t.notThrows(() => assertEntryFile(folderOf(t, files), '.'), JSON.stringify(files));
});

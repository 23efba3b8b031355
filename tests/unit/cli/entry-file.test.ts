import test from 'ava';
import { assertEntryFile } from '../../../src/cli/bundle/entry-file.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

test('a folder without an entry file is refused with the functions that lie below it', (t) => {
  const folder = temporaryDirectory(t, {
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
    t.notThrows(() => assertEntryFile(temporaryDirectory(t, files), '.'), JSON.stringify(files));
});

test('the functions below a folder are named with the command that was typed', (t) => {
  const folder = temporaryDirectory(t, { 'one/index.js': '', 'notes.txt': '' });
  t.throws(() => assertEntryFile(folder, '.', 'dev'), { message: /`glambdar dev one`/ });
});

/** Entries that must not be extracted: their names, their names beside each other, their kinds. */
import test from 'ava';
import { buildZip, type HostileEntry } from '../../../helpers/hostile-zip.js';
import { GOOD, refuses, withEntry } from '../../../helpers/refuses-bundle.js';

// Names
for (const [what, name, message] of [
  ['with ".." in a path', '../evil', /"\.\.\/evil" has "\.\."/],
  ['with ".." inside a path', 'a/../../evil', /has "\.\."/],
  ['with ".." at the end of a path', 'a/..', /has "\.\."/],
  ['with "." in a path', 'a/./b', /has "\."/],
  ['with an empty part in a path', 'a//b', /has ""/],
  ['with ".." behind "./"', './../evil', /has "\.\."/],
  ['with ".." behind two "./"', '././../evil', /has "\.\."/],
  ['with an absolute path behind "./"', './/etc/evil', /absolute/],
  ['with only slashes behind "./"', './/', /absolute/],
  ['with a drive path behind "./"', './C:/evil', /absolute/],
  ['with "." for a file\'s name', '.', /has "\."/],
  ['with "." behind "./" for a file\'s name', './.', /has "\."/],
  ['with ".." for a name', '..', /has "\.\."/],
  ['with an absolute path', '/etc/evil', /absolute/],
  ['with a drive path', 'C:/evil', /absolute/],
  ['with a drive-relative path', 'c:evil', /absolute/],
  ['with a backslash in a name', 'a\\..\\evil', /backslash/],
  ['with a backslash between folder and file', 'lib\\a.js', /Some Windows tools separate folders by it/],
  ["with a backslash at the end of a folder's name", 'lib\\', /backslash/],
  ['with a UNC path', '\\\\server\\evil', /backslash/],
  ['with a NUL in a name', 'evil\0.js', /control/],
  ['with a line break in a name', 'evil\n.js', /"evil\\u\{a\}\.js" has a control/],
  ['with an escape character in a name', '\u001b[2Jevil', /control/],
  ['with a DEL in a name', 'evil\u007f', /control/],
  ['with a C1 control character in a name', 'evil\u009b', /control/],
  ['with no name at all', '', /no name/],
  ['with a slash for a name', '/', /absolute/],
  ['with two slashes at the end of a name', 'a//', /has ""/],
  ['with ".." under an ignored folder', '__MACOSX/../../evil', /has "\.\."/],
  ['with a control character in an ignored name', '__MACOSX/\u0001', /control/],
  ['with a part of 256 bytes', 'e'.repeat(256), /over 255 bytes/],
  ['with a path of 513 bytes', `${'a/'.repeat(256)}b`, /513 bytes; 512/],
  ['with a name of 60,000 bytes', 'e/'.repeat(30_000), /"(e\/){40}…" has a path/],
] as const) {
  test(what, refuses, withEntry({ name }), message);
}
for (const [what, bytes] of [
  ['with an overlong ".." in a name', [0x2e, 0xc0, 0xae, 0x2f, 0x65]],
  ['with an overlong slash in a name', [0x2e, 0x2e, 0xc0, 0xaf, 0x65]],
  ['with a surrogate in a name', [0xed, 0xa0, 0x80]],
  ['with half a character in a name', [0x65, 0xc3]],
  ['with a Latin-1 name', [0xe9]],
] as const) {
  test(what, refuses, withEntry({ name: Buffer.from(bytes) }), /UTF-8/);
  test(`${what} that claims no UTF-8`, refuses, withEntry({ name: Buffer.from(bytes), flags: 0 }), /UTF-8/);
}

// Names beside each other
for (const [what, first, second, message] of [
  ['with the same name twice', 'a', 'a', /twice/],
  ['with the same folder twice', 'a/', 'a/', /twice/],
  ['with the same name with and without "./"', 'a', './a', /twice/],
  ['with the root folder twice', './', '././', /twice/],
  [
    'with a folder in the place of an ignored link',
    'node_modules/.bin/x',
    'node_modules/.bin/x/a',
    /also a folder/,
  ],
  ['with names that differ in case', 'Read', 'rEAD', /case or accents/],
  ['with folders that differ in case', 'Lib/a', 'lib/b', /case or accents/],
  ['with a folder and a file that differ in case', 'Lib/a', 'lib', /case or accents/],
  ['with names that differ in non-Latin case', 'straße', 'STRASSE', /case or accents/],
  ['with names that differ in normalisation', 'caf\u00e9', 'cafe\u0301', /case or accents/],
  ['with a file that is also an implied folder', 'a', 'a/b', /also a folder/],
  ['with an implied folder that is also a file', 'a/b', 'a', /also a folder/],
  ['with a file that is also a folder', 'a', 'a/', /also a folder/],
  ['with the same name twice under an ignored folder', '__MACOSX/a', '__MACOSX/a', /twice/],
] as const) {
  test(what, refuses, buildZip([GOOD, { name: first }, { name: second }]), message);
}

// Kinds
for (const [what, entry, message] of [
  ['with a symbolic link', { name: 'l', content: '/etc/passwd', mode: 0o120777 }, /symbolic link/],
  ...[
    'node_modules/.bin',
    'node_modules/a',
    'node_modules/.bin/a/b',
    'node_modules/.bin/a/',
    'x-node_modules/.bin/a',
    'node_modules/.bin-x/a',
    'node_modules/x/.bin/a',
    '.bin/a',
    'NODE_MODULES/.BIN/a',
  ].map((name): [string, HostileEntry, RegExp] => [
    `with a symbolic link ${name}`,
    { name, content: '../a/cli.js', mode: 0o120777 },
    /symbolic link/,
  ]),
  [
    'with ".." in the name of an ignored link',
    { name: 'node_modules/.bin/../../../node_modules/.bin/x', content: '/', mode: 0o120777 },
    /has "\.\."/,
  ],
  ['with a setuid bit on an ignored link', { name: 'node_modules/.bin/x', mode: 0o124777 }, /setuid/],
  ['with a pipe among ignored links', { name: 'node_modules/.bin/x', mode: 0o010666 }, /pipe/],
  [
    'with a symbolic link under an ignored folder',
    { name: '__MACOSX/l', content: '/', mode: 0o120777 },
    /symbolic link/,
  ],
  ['with a character device', { name: 'd', mode: 0o020666 }, /device, pipe or socket/],
  ['with a block device', { name: 'd', mode: 0o060666 }, /device, pipe or socket/],
  ['with a pipe', { name: 'p', mode: 0o010666 }, /device, pipe or socket/],
  ['with a socket', { name: 's', mode: 0o140666 }, /device, pipe or socket/],
  ['with an unknown kind of file', { name: 's', mode: 0o150666 }, /device, pipe or socket/],
  ['with a setuid file', { name: 's', mode: 0o104755 }, /setuid/],
  ['with a setgid file', { name: 's', mode: 0o102755 }, /setuid/],
  ['with a sticky file', { name: 's', mode: 0o101644 }, /setuid/],
  ['with a setuid folder', { name: 's/', mode: 0o044755 }, /setuid/],
  ['with a setuid bit but no kind', { name: 's', mode: 0o4755 }, /setuid/],
  [
    'with content in a folder by its mode',
    { name: 's', content: 'x', mode: 0o040755 },
    /folder with content/,
  ],
  [
    'with content in a folder by its attributes of MS-DOS',
    { name: 's', content: 'x', central: { dosAttributes: 0x10 } },
    /folder with content/,
  ],
  ['with content in the root folder', { name: './', content: 'x' }, /folder with content/],
  ['with a file named like a folder', { name: 's/', mode: 0o100644 }, /not by both/],
  ['with content in a folder', { name: 's/', content: 'x' }, /folder with content/],
  ['with an encrypted entry', { name: 'e', content: 'x', flags: 1 }, /encrypted/],
  ['with a strongly encrypted entry', { name: 'e', content: 'x', flags: 0x41 }, /encrypted/],
  [
    'with an entry encrypted in its local header only',
    { name: 'e', content: 'x', local: { flags: 1 } },
    /two different ways/,
  ],
  [
    'with a bzip2 entry',
    { name: 'b', content: 'x', central: { method: 12 }, local: { method: 12 } },
    /method 12/,
  ],
  [
    'with a deflate64 entry',
    { name: 'b', content: 'x', central: { method: 9 }, local: { method: 9 } },
    /method 9/,
  ],
] as const satisfies readonly (readonly [string, HostileEntry, RegExp])[]) {
  test(what, refuses, withEntry(entry), message);
}

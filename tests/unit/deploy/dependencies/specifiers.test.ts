import test from 'ava';
import { checkSpecifier, isPackageName } from '../../../../src/deploy/dependencies/specifiers.js';
import type { GlambdarError } from '../../../../src/errors.js';

const fine = [
  '1.2.3',
  '^1.2',
  '~1',
  '>=1 <2',
  '1.x || 2.x',
  '*',
  '',
  'latest',
  'next-11',
  'npm:other@^1',
  'npm:@s/o@1',
  'npm:other',
  '1.0.0 - 2.0.0',
];
for (const specifier of fine) {
  test(`the specifier ${JSON.stringify(specifier)} asks the registry`, (t) => {
    t.notThrows(() => checkSpecifier('package.json', 'x', specifier));
  });
}

const elsewhere: [specifier: unknown, why: RegExp][] = [
  ['file:../../x', /folder or file/],
  ['FILE:x.tgz', /folder or file/],
  ['../x', /folder or file/],
  ['./x.tgz', /folder or file/],
  ['/etc', /folder or file/],
  ['~/x', /folder or file/],
  ['C:\\x', /folder or file/],
  ['link:../x', /link to a folder/],
  ['portal:../x', /link to a folder/],
  ['workspace:*', /workspace/],
  ['catalog:', /another package manager/],
  ['git+ssh://git@example.org/a/b.git', /git repository/],
  ['git+https://example.org/a.git#v1', /git repository/],
  ['git://example.org/a.git', /git repository/],
  ['git@github.com:a/b.git', /git repository/],
  ['github:a/b', /git repository/],
  ['gitlab:a/b', /git repository/],
  ['gist:123', /git repository/],
  ['ssh://example.org/a', /git repository/],
  ['a/b', /repository on GitHub/],
  ['a/b#semver:^1', /repository on GitHub/],
  ['http://example.org/x.tgz', /outside the registry/],
  ['https://example.org/x.tgz', /outside the registry/],
  ['ftp://example.org/x.tgz', /outside the registry/],
  [' https://example.org/x.tgz', /outside the registry/],
  ['npm:../x', /names no package/],
  ['npm:x@file:../y', /folder or file/],
  ['npm:x@npm:y@1', /folder or file/],
  ['npm:x@https://example.org/y.tgz', /outside the registry/],
  [1, /no version of "x"/],
  [null, /no version of "x"/],
];
for (const [specifier, why] of elsewhere) {
  test(`the specifier ${JSON.stringify(specifier)} is refused with a sentence`, (t) => {
    const error = t.throws<GlambdarError>(() => checkSpecifier('package.json', 'x', specifier));
    t.is(error.code, 'INSTALL_FAILED');
    t.regex(error.message, why);
    t.regex(error.message, /^package\.json asks for/);
  });
}

test('a name is a package’s only if it cannot be a path', (t) => {
  for (const name of ['x', '@a/b', 'lodash.merge', 'JSONStream', '_x', '~x'])
    t.true(isPackageName(name), name);
  for (const name of [
    '',
    '.',
    '..',
    '../x',
    'a/b',
    '@a',
    '@a/..',
    '@../a/b',
    'a\0b',
    'a b',
    '.bin',
    '@a/b/c',
    'x'.repeat(215),
  ])
    t.false(isPackageName(name), name);
});

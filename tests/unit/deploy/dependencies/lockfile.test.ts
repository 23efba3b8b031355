import test from 'ava';
import { parseLockfile, type Lockfile } from '../../../../src/deploy/dependencies/lockfile.js';

const registry = {
  url: new URL('https://npm.corp.example/base/'),
  inContainer: new URL('http://127.0.0.1:4873/base/'),
};
const integrity = `sha512-${'A'.repeat(86)}==`;
type Entry = Record<string, unknown>;

function parse(packages: Record<string, Entry>, name = 'package-lock.json'): Lockfile {
  return parseLockfile(JSON.stringify({ lockfileVersion: 3, packages }), name, registry);
}
const resolvedOf = (lockfile: Lockfile, path: string): unknown =>
  (JSON.parse(lockfile.text) as { packages: Record<string, Entry> }).packages[path]?.['resolved'];

const rewritten: [what: string, path: string, entry: Entry, resolved: string | undefined][] = [
  [
    'of the public registry',
    'node_modules/a',
    { resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz' },
    'http://127.0.0.1:4873/base/a/-/a-1.0.0.tgz',
  ],
  [
    'with a scope',
    'node_modules/@s/b',
    { resolved: 'https://registry.npmjs.org/@s/b/-/b-1.0.0.tgz' },
    'http://127.0.0.1:4873/base/@s/b/-/b-1.0.0.tgz',
  ],
  [
    'with an escaped scope',
    'node_modules/@s/b',
    { resolved: 'https://r.example/@s%2fb/-/b-1.0.0.tgz' },
    'http://127.0.0.1:4873/base/@s/b/-/b-1.0.0.tgz',
  ],
  [
    'of another registry with a path',
    'node_modules/a',
    { resolved: 'http://evil.example/x/y/a/-/a-1.0.0.tgz' },
    'http://127.0.0.1:4873/base/a/-/a-1.0.0.tgz',
  ],
  [
    'of an alias',
    'node_modules/z',
    { name: 'a', resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz' },
    'http://127.0.0.1:4873/base/a/-/a-1.0.0.tgz',
  ],
  [
    'in another package',
    'node_modules/c/node_modules/a',
    { resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz' },
    'http://127.0.0.1:4873/base/a/-/a-1.0.0.tgz',
  ],
  [
    'of the registry itself, at an unusual path',
    'node_modules/a',
    { resolved: 'https://npm.corp.example/base/download/a/1/x?y=1' },
    'http://127.0.0.1:4873/base/download/a/1/x?y=1',
  ],
  ['that is absent', 'node_modules/a', {}, undefined],
  ['within the archive of another one', 'node_modules/a', { inBundle: true }, undefined],
];
for (const [what, path, entry, resolved] of rewritten) {
  test(`a package ${what} is fetched from the configured registry`, (t) => {
    t.is(resolvedOf(parse({ '': {}, [path]: { version: '1.0.0', integrity, ...entry } }), path), resolved);
  });
}

const refused: [what: string, path: string, entry: Entry][] = [
  ['an archive elsewhere', 'node_modules/a', { resolved: 'https://evil.example/evil.tgz' }],
  [
    'an archive of another package',
    'node_modules/a',
    { resolved: 'https://registry.npmjs.org/evil/-/evil-1.0.0.tgz' },
  ],
  [
    'an archive of another version',
    'node_modules/a',
    { resolved: 'https://registry.npmjs.org/a/-/a-2.0.0.tgz' },
  ],
  ['a git repository', 'node_modules/a', { resolved: 'git+ssh://git@github.com/a/a.git#abc' }],
  ['a file', 'node_modules/a', { resolved: 'file:../a.tgz' }],
  ['no text', 'node_modules/a', { resolved: { a: 1 } }],
  ['a link', 'node_modules/a', { resolved: 'packages/a', link: true }],
  ['a folder', 'packages/a', {}],
  ['a folder outside', '../a', {}],
  ['a path that climbs', 'node_modules/a/../../../b', {}],
  ['a path with dots', 'node_modules/..', {}],
];
for (const [what, path, entry] of refused) {
  test(`a lockfile with ${what} is refused with a sentence`, (t) => {
    const lockfile = { '': {}, [path]: { version: '1.0.0', integrity, ...entry } };
    const error = t.throws(() => parse(lockfile, 'npm-shrinkwrap.json'), { code: 'INSTALL_FAILED' } as never);
    t.regex(error.message, /^npm-shrinkwrap\.json: /);
    t.regex(error.message, /bring node_modules|registry/);
  });
}

test('development packages are left out, wherever they come from', (t) => {
  const lockfile = parse({
    '': { dependencies: { a: '1' }, devDependencies: { d: 'file:d' }, workspaces: ['x'] },
    'node_modules/a': { version: '1.0.0', integrity },
    'node_modules/d': { resolved: 'd', link: true, dev: true },
    d: { dev: true },
  });
  const { packages } = JSON.parse(lockfile.text) as { packages: Record<string, Entry> };
  t.deepEqual(Object.keys(packages), ['', 'node_modules/a']);
  t.deepEqual(packages[''], { name: 'function', version: '1.0.0', dependencies: { a: '1' } });
  t.is(lockfile.packages, 1);
});

test('a link to a folder is left out only when the folder is for development, as npm writes both', (t) => {
  const linked = (folder: Entry | undefined) => ({
    '': { dependencies: { a: '1' }, devDependencies: { lib: 'file:../lib' } },
    'node_modules/a': { version: '1.0.0', integrity },
    'node_modules/lib': { resolved: '../lib', link: true },
    ...(folder && { '../lib': folder }),
  });
  const lockfile = parse(linked({ version: '1.0.0', dev: true }));
  const { packages } = JSON.parse(lockfile.text) as { packages: Record<string, Entry> };
  t.deepEqual(Object.keys(packages), ['', 'node_modules/a']);
  t.is(lockfile.packages, 1);
  for (const folder of [{ version: '1.0.0' }, { devOptional: true }, undefined])
    t.throws(() => parse(linked(folder)), { message: /lib" is a folder beside the function/ });
});

test('a lockfile fixes its packages only if each has a strong checksum', (t) => {
  const of = (entry: Entry) => parse({ 'node_modules/a': { version: '1.0.0', ...entry } }).hasIntegrity;
  t.true(of({ integrity }));
  t.true(of({ integrity: `sha1-abc= ${integrity}` }));
  t.false(of({ inBundle: true }), 'npm fetches it without a checksum when no archive has it');
  t.false(of({ bundled: true }));
  t.false(of({}));
  t.false(of({ integrity: `sha1-${'A'.repeat(40)}` }));
  t.false(of({ integrity: 'sha512-' }));
  t.false(of({ integrity: 7 }));
  t.true(parse({}).hasIntegrity);
});

test('a lockfile of npm 6 is checked the same way, and fixes nothing', (t) => {
  const old = (dependencies: object) =>
    parseLockfile(JSON.stringify({ lockfileVersion: 1, dependencies }), 'package-lock.json', registry);
  const lockfile = old({
    a: {
      version: '1.0.0',
      resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz',
      integrity,
      dependencies: { b: { version: '2.0.0' } },
    },
    d: { version: 'file:d', dev: true },
    z: { version: 'npm:@s/b@1.0.0' },
  });
  t.false(lockfile.hasIntegrity);
  t.is(lockfile.packages, 3);
  t.notRegex(lockfile.text, /resolved/);
  for (const entry of [
    { version: 'file:a' },
    { version: 'git+ssh://x/y' },
    { version: 'https://x/y.tgz' },
    { version: '1.0.0', resolved: 'https://x/y.tgz' },
  ])
    t.throws(() => old({ c: { version: '1.0.0', dependencies: { a: entry } } }), {
      message: /no package of a registry/,
    });
  let nested: object = {};
  for (let depth = 0; depth < 200; depth += 1) nested = { a: { version: '1.0.0', dependencies: nested } };
  t.throws(() => old(nested), { message: /nested more than 64/ });
});

test('a lockfile that cannot be understood is refused', (t) => {
  for (const text of [
    '',
    '{',
    '[]',
    '{}',
    '{"packages":[]}',
    '{"packages":{"node_modules/a":1}}',
    '{"lockfileVersion":1,"dependencies":{"a":1}}',
  ])
    t.throws(() => parseLockfile(text, 'package-lock.json', registry), { code: 'INSTALL_FAILED' } as never);
});

import fs from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  checkManifest,
  manifestForNpm,
  missingPackages,
  parseManifest,
} from '../../../../src/deploy/dependencies/package-manifest.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

const parsed = (value: unknown) => parseManifest(JSON.stringify(value))!;

test('a package.json that is no JSON object, or names nothing, needs nothing', (t) => {
  for (const text of ['', '{', 'null', '[]', '"x"']) t.is(parseManifest(text), undefined);
  const dir = temporaryDirectory(t);
  for (const value of [{}, { dependencies: [] }, { dependencies: 'x' }, { devDependencies: { a: '1' } }])
    t.deepEqual(missingPackages(parsed(value), dir), []);
  t.deepEqual(parseManifest('\uFEFF{"dependencies":{"a":"1"}}')?.dependencies, { a: '1' });
});

test('what node_modules holds is not missing; an optional package is, only where there is no node_modules', (t) => {
  const dir = temporaryDirectory(t);
  const manifest = parsed({
    dependencies: { a: '1', '@s/b': '1', both: '1' },
    optionalDependencies: { o: '1', both: '1' },
    devDependencies: { d: '1' },
    peerDependencies: { p: '1' },
  });
  t.deepEqual(missingPackages(manifest, dir), ['a', '@s/b', 'o', 'both']);
  fs.mkdirSync(join(dir, 'node_modules/a'), { recursive: true });
  t.deepEqual(missingPackages(manifest, dir), ['@s/b']);
  fs.mkdirSync(join(dir, 'node_modules/@s/b'), { recursive: true });
  t.deepEqual(missingPackages(manifest, dir), []);
  fs.writeFileSync(join(dir, 'node_modules/file'), '');
  t.deepEqual(missingPackages(parsed({ dependencies: { file: '1' } }), dir), ['file']);
});

test('a name that leads out of node_modules is never looked for, and refused', (t) => {
  const dir = temporaryDirectory(t);
  fs.mkdirSync(join(dir, 'node_modules'));
  const manifest = parsed({ dependencies: { '../../etc': '1' } });
  t.deepEqual(missingPackages(manifest, dir), ['../../etc']);
  t.throws(() => checkManifest(manifest), { message: /cannot be the name of a package/ });
});

test('npm gets the packages and nothing else of a package.json, whatever their order', (t) => {
  const manifest = parsed({
    name: '@corp/secret',
    scripts: { postinstall: 'x' },
    workspaces: ['a'],
    allowScripts: { x: true },
    devDependencies: { d: '1' },
    dependencies: { b: '2', a: '1' },
    overrides: { b: '3' },
  });
  const expected =
    '{"name":"function","version":"1.0.0","private":true,"dependencies":{"a":"1","b":"2"},"overrides":{"b":"3"}}';
  t.is(manifestForNpm(manifest), expected);
});

const refused: [what: string, manifest: object][] = [
  ['dependencies', { dependencies: { x: 'file:../x' } }],
  ['optionalDependencies', { optionalDependencies: { x: 'a/b' } }],
  ['peerDependencies', { peerDependencies: { x: 'git://x/y' } }],
  ['overrides', { overrides: { x: 'https://x/y.tgz' } }],
  ['nested overrides', { overrides: { x: { 'y@^1': { '.': 'file:z' } } } }],
];
for (const [what, manifest] of refused) {
  test(`packages from elsewhere are refused in ${what}`, (t) => {
    t.throws(() => checkManifest(parsed(manifest)), { code: 'INSTALL_FAILED' } as never);
  });
}

test('overrides may name versions of direct dependencies, and not be endless', (t) => {
  t.notThrows(() =>
    checkManifest(
      parsed({ dependencies: { a: '1' }, overrides: { b: { a: '$a', '.': '2' }, '@s/c@1': '2' } }),
    ),
  );
  let overrides: object = { a: '1' };
  for (let depth = 0; depth < 50; depth += 1) overrides = { a: overrides };
  t.throws(() => checkManifest(parsed({ overrides })), { message: /nested more than 16/ });
});

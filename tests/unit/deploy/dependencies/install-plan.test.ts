import fs from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { planInstall, type PlanOptions } from '../../../../src/deploy/dependencies/install-plan.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

const integrity = `sha512-${'A'.repeat(86)}==`;
const manifest = { dependencies: { a: '^1' } };
const lockfile = (entry: object = { integrity }) => ({
  lockfileVersion: 3,
  packages: { '': manifest, 'node_modules/a': { version: '1.0.0', ...entry } },
});

const installer = {
  registry: async () => ({
    url: new URL('https://r.example/'),
    inContainer: new URL('http://127.0.0.1:4873/'),
  }),
  environment: () => 'image x64',
};

function plan(t: ExecutionContext, files: Record<string, unknown>, options: Partial<PlanOptions> = {}) {
  const treeDir = temporaryDirectory(t);
  for (const [name, content] of Object.entries(files))
    fs.writeFileSync(join(treeDir, name), typeof content === 'string' ? content : JSON.stringify(content));
  return planInstall({ treeDir, namespace: 'one', installScripts: false, installer, ...options });
}

test('code without a package.json, or with one that needs nothing, needs no registry', async (t) => {
  const away = { ...installer, registry: () => Promise.reject(new Error('asked')) };
  t.is(await plan(t, {}, { installer: away }), undefined);
  t.is(await plan(t, { 'package.json': '{' }, { installer: away }), undefined);
  t.is(await plan(t, { 'package.json': { type: 'module' } }, { installer: away }), undefined);
});

test('packages from elsewhere are refused before the registry is asked for', async (t) => {
  const away = { ...installer, registry: () => Promise.reject(new Error('asked')) };
  await t.throwsAsync(plan(t, { 'package.json': { dependencies: { a: 'file:a' } } }, { installer: away }), {
    code: 'INSTALL_FAILED',
  } as never);
});

test('one lockfile with checksums has one key in all namespaces', async (t) => {
  const files = { 'package.json': manifest, 'package-lock.json': lockfile() };
  const first = (await plan(t, files))!;
  t.regex(first.key, /^[0-9a-f]{64}$/);
  t.deepEqual(first.notes, []);
  t.is((await plan(t, files, { namespace: 'two' }))!.key, first.key);
  const more = {
    ...files,
    'package.json': { name: 'other', scripts: { x: 'y' }, devDependencies: { d: '1' }, ...manifest },
  };
  t.is((await plan(t, more))!.key, first.key, 'what npm does not get does not matter');
});

const apart: [what: string, files: Record<string, unknown>, options: Partial<PlanOptions>][] = [
  ['without a lockfile', { 'package.json': manifest }, {}],
  ['whose lockfile lacks a checksum', { 'package.json': manifest, 'package-lock.json': lockfile({}) }, {}],
  [
    'whose lockfile has a weak checksum',
    { 'package.json': manifest, 'package-lock.json': lockfile({ integrity: 'sha1-abc=' }) },
    {},
  ],
  ['with scripts', { 'package.json': manifest, 'package-lock.json': lockfile() }, { installScripts: true }],
];
for (const [what, files, options] of apart) {
  test(`an install ${what} is shared with no other namespace`, async (t) => {
    const one = (await plan(t, files, options))!;
    t.is((await plan(t, files, options))!.key, one.key);
    t.not((await plan(t, files, { ...options, namespace: 'two' }))!.key, one.key);
  });
}

test('another image, architecture, lockfile, manifest or answer about scripts has another key', async (t) => {
  const files = { 'package.json': manifest, 'package-lock.json': lockfile() };
  const keys = await Promise.all([
    plan(t, files),
    plan(t, files, { installer: { ...installer, environment: () => 'image arm64' } }),
    plan(t, { ...files, 'package-lock.json': lockfile({ integrity: `sha512-${'B'.repeat(86)}==` }) }),
    plan(t, { ...files, 'package.json': { dependencies: { a: '~1' } } }),
    plan(t, files, { installScripts: true }),
  ]);
  t.is(new Set(keys.map((found) => found!.key)).size, keys.length);
});

test('npm-shrinkwrap.json goes before package-lock.json; other lockfiles are not read, which is said', async (t) => {
  const both = (await plan(t, {
    'package.json': manifest,
    'npm-shrinkwrap.json': lockfile(),
    'package-lock.json': '{',
  }))!;
  t.regex(both.lockfile!, /node_modules\/a/);
  const yarn = (await plan(t, { 'package.json': manifest, 'yarn.lock': 'x' }))!;
  t.is(yarn.lockfile, null);
  t.regex(yarn.notes.join(), /^yarn\.lock is not read/);
  t.regex((await plan(t, { 'package.json': manifest }))!.notes.join(), /^There is no package-lock\.json/);
});

test('a lockfile that is a folder, or endless, is not read', async (t) => {
  const treeDir = temporaryDirectory(t);
  fs.writeFileSync(join(treeDir, 'package.json'), JSON.stringify(manifest));
  fs.mkdirSync(join(treeDir, 'package-lock.json'));
  const options = { treeDir, namespace: 'one', installScripts: false, installer };
  t.is((await planInstall(options))!.lockfile, null);
  fs.rmdirSync(join(treeDir, 'package-lock.json'));
  fs.writeFileSync(join(treeDir, 'package-lock.json'), '');
  fs.truncateSync(join(treeDir, 'package-lock.json'), 17 * 2 ** 20);
  await t.throwsAsync(planInstall(options), { message: /^package-lock\.json has \d+ bytes/ });
});

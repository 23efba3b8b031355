/**
 * What may be in package-lock.json: no version with a known hole (CI reaches no advisory database, so the floors are
 * written down here, from the project's security notes), nothing that needs a newer Node or an install script.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';

interface LockEntry {
  version?: string;
  resolved?: string;
  integrity?: string;
  dev?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
  engines?: { node?: string };
}

interface Manifest {
  engines: { node: string };
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
}

const readJson = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../..', name), 'utf8'));
const manifest = readJson('package.json') as Manifest;
const lock = readJson('package-lock.json') as { packages: Record<string, LockEntry> };
const lockText = readFileSync(join(import.meta.dirname, '../../package-lock.json'), 'utf8');

/** `node_modules/a/node_modules/@b/c` → `@b/c` */
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
const installed = Object.entries(lock.packages)
  .filter(([path]) => path !== '')
  .map(([path, entry]) => ({ path, name: nameOf(path), ...entry }));

type Version = [major: number, minor: number, patch: number];

/** `1.2.3-rc.1` → `[1, 2, 3]`; what is missing or `x` counts as 0. */
function parseVersion(text: string): Version {
  const [major, minor, patch] = text
    .replace(/^v/, '')
    .replace(/[-+].*$/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10) || 0);
  return [major ?? 0, minor ?? 0, patch ?? 0];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** Whether a version lies in a range of the forms that packages use for `engines`: `>=20`, `^20.19 || >=22`, `18.x`, `*`, `>= 14 < 21`. */
function satisfies(version: Version, range: string): boolean {
  return range.split('||').some((alternative) =>
    alternative
      .trim()
      .replace(/([<>=~^]+)\s+/g, '$1')
      .split(/\s+/)
      .every((comparator) => {
        const match = /^(>=|<=|>|<|=|\^|~)?v?(\*|\d.*)?$/.exec(comparator);
        if (match === null) throw new Error(`a range this test cannot read: "${range}"`);
        const [, operator, text = '*'] = match;
        if (text === '*') return true;
        const bound = parseVersion(text);
        const parts = text.split('.').filter((part) => /^\d/.test(part)).length;
        const order = compare(version, bound);
        if (operator === '>=') return order >= 0;
        if (operator === '<=') return order <= 0;
        if (operator === '>') return order > 0;
        if (operator === '<') return order < 0;
        const sameMajor = version[0] === bound[0];
        if (operator === '^') return sameMajor && order >= 0;
        if (operator === '~') return sameMajor && order >= 0 && (parts < 2 || version[1] === bound[1]);
        return sameMajor && (parts < 2 || version[1] === bound[1]) && (parts < 3 || order === 0);
      }),
  );
}

/** The first version without a known hole. A package that is not installed has nothing to fear. */
const floors: [name: string, floor: string, why: string][] = [
  ['koa', '3.1.2', 'a Host with "@" fools ctx.hostname (CVE-2026-27959)'],
  ['path-to-regexp', '8.4.0', 'exponential optional groups (CVE-2026-4926)'],
  ['multer', '2.5.0', 'crashes and leaks on malformed bodies (CVE-2025-47944, CVE-2026-5079 and others)'],
  ['formidable', '3.5.3', 'guessable names of temporary files (CVE-2025-46653)'],
  [
    'adm-zip',
    '0.6.1',
    'a 120-byte zip allocates 4 GB (CVE-2026-39244), writes through symlinks (CVE-2026-76845)',
  ],
  ['dockerode', '5.0.0', 'older ones bring tar-fs versions that extract outside'],
  ['docker-modem', '5.0.0', 'as dockerode'],
  ['tar-fs', '2.1.4', 'extraction through links (CVE-2025-48387, CVE-2025-59343)'],
  ['tar', '7.5.3', 'a link path that escapes (CVE-2026-23745)'],
  ['jose', '6.0.0', 'the line that gets fixes'],
  ['jsonwebtoken', '9.0.0', '"none" by default, confusion of key types (CVE-2022-23539 to -23541)'],
];

for (const [name, floor, why] of floors) {
  test(`${name} is at least ${floor}: ${why}`, (t) => {
    const tooOld = installed
      .filter(
        (entry) =>
          entry.name === name && compare(parseVersion(entry.version ?? '0'), parseVersion(floor)) < 0,
      )
      .map(({ path, version }) => `${path} ${version}`);
    t.deepEqual(tooOld, []);
  });
}

test('the lockfile names no registry and has a checksum for every package', (t) => {
  t.deepEqual(
    installed.filter(({ resolved }) => resolved !== undefined).map(({ path }) => path),
    [],
  );
  t.notRegex(lockText, /https?:\/\/[^"]*registry/);
  t.deepEqual(
    installed.filter(({ integrity }) => integrity === undefined).map(({ path }) => path),
    [],
  );
});

test('every package of the server, and every tool, runs on the oldest Node we promise', (t) => {
  const oldest = parseVersion(manifest.engines.node.replace('>=', ''));
  t.deepEqual(oldest, [20, 19, 0]);
  t.deepEqual(
    installed
      .filter(({ engines, optional }) => optional !== true && !satisfies(oldest, engines?.node ?? '*'))
      .map(({ path, version, engines }) => `${path} ${version} wants ${engines?.node}`),
    [],
  );
});

test('every install script is listed as one we do without', (t) => {
  const withScript = installed.filter(
    ({ hasInstallScript, optional }) => hasInstallScript === true || optional === true,
  );
  t.deepEqual(
    withScript.filter(
      ({ hasInstallScript, name }) => hasInstallScript === true && manifest.allowScripts[name] !== false,
    ),
    [],
  );
  const npmrc = readFileSync(join(import.meta.dirname, '../../.npmrc'), 'utf8');
  t.regex(npmrc, /^ignore-scripts=true$/m, 'npm 10 does not know allowScripts');
});

test('versions are ordered as numbers', (t) => {
  t.true(compare(parseVersion('8.10.0'), parseVersion('8.4.2')) > 0);
  t.true(compare(parseVersion('3.1.1'), parseVersion('3.1.2')) < 0);
  t.is(compare(parseVersion('v20.19.0-rc.1'), [20, 19, 0]), 0);
});

const ranges: [range: string, holds: boolean][] = [
  ['>=20.19', true],
  ['>= 14.17', true],
  ['>=22', false],
  ['^20.19.0 || ^22.13.0 || >=24', true],
  ['^18.18.0 || ^20.9.0 || >=21.1.0', true],
  ['^22.20 || >=24', false],
  ['>=18 <20', false],
  ['>= 18.0.0 < 21', true],
  ['6.* || 8.* || >= 10.*', true],
  ['20.x', true],
  ['18', false],
  ['~20.18', false],
  ['~20', true],
  ['*', true],
  ['', true],
];
for (const [range, holds] of ranges) {
  test(`Node 20.19.0 is ${holds ? '' : 'not '}in "${range}"`, (t) => {
    t.is(satisfies([20, 19, 0], range), holds);
  });
}

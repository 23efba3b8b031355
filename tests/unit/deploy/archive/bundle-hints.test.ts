import test from 'ava';
import { bundleHints, type BundleFacts } from '../../../../src/deploy/archive/bundle-hints.js';

/** The hints about files by path → size in bytes. */
function hintsOf(sizes: Record<string, number>, facts: Partial<BundleFacts> = {}): string[] {
  const files = Object.entries(sizes).map(([path, sizeBytes]) => ({ path, sizeBytes }));
  return bundleHints({ files, addonHeads: new Map(), ...facts });
}

const elf = (processor: number): Buffer => {
  const head = Buffer.alloc(20);
  head.writeUInt32BE(0x7f454c46, 0);
  head.writeUInt16LE(processor, 18);
  return head;
};
const machO = Buffer.from('cffaedfe'.padEnd(40, '0'), 'hex');
const windows = Buffer.from('4d5a'.padEnd(40, '0'), 'hex');
const addon = 'node_modules/a/build/Release/a.node';

test('a plain bundle gets no hint', (t) => {
  t.deepEqual(
    hintsOf({ 'index.js': 1, 'package.json': 2, 'lib/.env.js': 1, 'node_modules/a/index.js': 9e7 }),
    [],
  );
});

test('a file with variables is named, and what to use instead', (t) => {
  const [hint, ...others] = hintsOf({ 'index.js': 1, '.env': 10 });
  t.regex(hint!, /^\.env is part of the bundle, .* setting env, or as secrets, and leave the file out\.$/);
  t.deepEqual(others, []);
  t.deepEqual(hintsOf({ 'index.js': 1, '.env.example': 10 }), []);
});

test('a repository in the bundle, and settings where nobody reads them, are named', (t) => {
  t.regex(hintsOf({ 'index.js': 1, '.git/HEAD': 1 }).join(), /^The folder \.git, .*leave it out\.$/);
  const elsewhere = hintsOf({ 'index.js': 1, 'config/glambdar.json': 1 });
  t.regex(elsewhere.join(), /^config\/glambdar\.json is not read: .* at the root of the bundle\.$/);
  t.deepEqual(hintsOf({ 'index.js': 1, 'glambdar.json': 1, 'test/glambdar.json': 1 }), []);
});

test('an addon that another machine has built is named, with the command that mends it', (t) => {
  const other = process.arch === 'arm64' ? elf(62) : elf(183);
  for (const [head, system] of [
    [machO, 'macOS'],
    [windows, 'Windows'],
    [other, 'Linux, '],
  ] as const) {
    const hints = hintsOf({ [addon]: 20 }, { addonHeads: new Map([[addon, head]]) });
    t.true(hints.join().startsWith(`${addon} is built for ${system}`), hints.join());
    t.regex(hints.join(), /npm install --os=linux --cpu=\w+ --libc=glibc\.$/);
  }
  const ours = process.arch === 'arm64' ? elf(183) : elf(62);
  for (const [path, head] of [
    [addon, ours],
    [addon, Buffer.from('short')],
    ['node_modules/a/prebuilds/darwin-arm64/a.node', machO],
  ] as const)
    t.deepEqual(hintsOf({ [path]: 20 }, { addonHeads: new Map([[path, head]]) }), []);
});

test('large packages for development are named, small and needed ones are not', (t) => {
  const packageJson =
    '{"devDependencies":{"typescript":"5","@types/node":"24","tiny":"1"},"dependencies":{"a":"1"}}';
  const sizes = {
    'node_modules/typescript/lib.js': 30 * 2 ** 20,
    'node_modules/@types/node/index.d.ts': 2 ** 20,
  };
  t.deepEqual(hintsOf(sizes, { packageJson }), [
    'node_modules has 31 MB of packages for development only (typescript, @types/node): npm prune --omit=dev takes them out, and deploys get faster.',
  ]);
  t.is(hintsOf(sizes, { packageJson: `\ufeff${packageJson}` }).length, 1, 'a byte order mark');
  t.deepEqual(hintsOf({ 'node_modules/tiny/a.js': 1e6 }, { packageJson }), []);
  t.deepEqual(hintsOf({ 'node_modules/a/a.js': 1e8 }, { packageJson }), []);
  for (const odd of ['{', 'null', '{"devDependencies":null}', '{"devDependencies":"typescript"}', '[]'])
    t.deepEqual(hintsOf(sizes, { packageJson: odd }), [], odd);
});

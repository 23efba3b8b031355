/**
 * Owns the copy of a worker that containers see. All modules of the worker are put into one file: finding, reading and
 * wrapping modules one by one costs every cold start about half a millisecond a module.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes `<targetDir>/main.cjs` (the directory must not exist), readable for any uid whatever the modes of the checkout.
 * @param sourceDir `main.cjs` and, in any sub-folder, further `.cjs` modules, which require each other by relative paths
 */
export function installWorker(sourceDir: string, targetDir: string): void {
  mkdirSync(targetDir);
  chmodSync(targetDir, 0o755);
  const file = join(targetDir, 'main.cjs');
  writeFileSync(file, bundle(sourceDir));
  chmodSync(file, 0o644);
}

function bundle(sourceDir: string): string {
  const paths = readdirSync(sourceDir, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.cjs'),
  );
  const modules = paths.sort().map((path) => {
    const source = readFileSync(join(sourceDir, path), 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '');
    return `${JSON.stringify(path)}: (module, exports, require) => {${source}\n},`;
  });
  return `'use strict';
const { posix } = require('node:path');
const modules = {
${modules.join('\n')}
};
const loaded = Object.create(null);
const requireFrom = (folder) => (name) => {
  if (!name.startsWith('.')) return require(name);
  return load(posix.join(folder, name));
};
const load = (path) => {
  if (!Object.hasOwn(modules, path)) throw new Error('the worker has no module ' + path);
  if (!(path in loaded)) {
    const module = (loaded[path] = { exports: {} });
    modules[path](module, module.exports, requireFrom(posix.dirname(path)));
  }
  return loaded[path].exports;
};
load('main.cjs');
`;
}

/**
 * Owns putting the modules of a Node worker into one file: finding, reading and wrapping each module on its own costs every
 * cold start about half a millisecond a module.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The modules find each other as they would side by side on a disk, and what no relative path names (built-ins, a user's
 * files) as any module does.
 * @param sourceDir `main.cjs`, which runs first, and, in any sub-folder, further `.cjs` modules
 */
export function bundledModules(sourceDir: string): string {
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

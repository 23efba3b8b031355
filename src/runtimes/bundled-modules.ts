/**
 * Owns putting the modules of a Node worker into one file: finding, reading and wrapping each module on its own costs every
 * cold start about half a millisecond a module.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param sourceDir the modules: `main.cjs`, which runs first, and what it requires by `./name.cjs` */
export function bundledModules(sourceDir: string): string {
  const names = readdirSync(sourceDir).filter((name) => name.endsWith('.cjs'));
  const modules = names.map((name) => {
    const source = readFileSync(join(sourceDir, name), 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '');
    return `${JSON.stringify(`./${name}`)}: (module, exports, require) => {${source}\n},`;
  });
  return `'use strict';
const modules = {
${modules.join('\n')}
};
const loaded = Object.create(null);
const load = (name) => {
  if (!Object.hasOwn(modules, name)) return require(name);
  if (!(name in loaded)) {
    const module = (loaded[name] = { exports: {} });
    modules[name](module, module.exports, load);
  }
  return loaded[name].exports;
};
load('./main.cjs');
`;
}

/**
 * Owns the copy of `worker/` that containers see. Its modules are put into one file: finding, reading and wrapping each
 * on its own costs every cold start about half a millisecond a module.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes `<targetDir>/main.cjs` (the directory must not exist), readable for any uid whatever the modes of the checkout.
 * @param sourceDir the modules: `main.cjs` and what it requires by `./name.cjs`
 */
export function installWorker(sourceDir: string, targetDir: string): void {
  mkdirSync(targetDir);
  chmodSync(targetDir, 0o755);
  const file = join(targetDir, 'main.cjs');
  writeFileSync(file, bundle(sourceDir));
  chmodSync(file, 0o644);
}

function bundle(sourceDir: string): string {
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

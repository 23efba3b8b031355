/**
 * Owns the server's code compiled for a test that starts many servers: under tsx a start costs about three times the CPU.
 * Not `dist/`, which may be older than the sources.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../..');
/** Somewhere below the checkout, where packages are found. */
const cache = join(root, 'node_modules/.cache');

/** Compiles `src/`. @returns the path of `main.js`, and how to remove it all */
export function compileServer(): { entry: string; remove: () => void } {
  mkdirSync(cache, { recursive: true });
  const target = mkdtempSync(join(cache, 'glambdar-'));
  writeFileSync(join(target, 'package.json'), '{"type":"module"}');
  cpSync(join(root, 'worker'), join(target, 'worker'), { recursive: true });
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    const from = join(root, 'src', file);
    const to = join(target, 'src', file);
    if (file.endsWith('.mjs')) cpSync(from, to);
    if (!file.endsWith('.ts')) continue;
    const { outputText } = ts.transpileModule(readFileSync(from, 'utf8'), {
      // One file alone does not tell NodeNext that the package is made of modules.
      compilerOptions: {
        ...options,
        module: ts.ModuleKind.ESNext,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        sourceMap: false,
      },
      fileName: from,
    });
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to.replace(/\.ts$/, '.js'), outputText);
  }
  return {
    entry: join(target, 'src/main.js'),
    remove: () => rmSync(target, { recursive: true, force: true }),
  };
}

/** Which modules a short command loads: each costs every command that does not need it. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import test from 'ava';
import ts from 'typescript';

const root = join(import.meta.dirname, '../../..');

/** What is loaded with these files of `src/cli/`: files from the root, packages, modules of Node. Dynamic imports are not followed. */
function loadedWith(...entries: string[]): { files: string[]; packages: string[]; builtins: string[] } {
  const found = { files: new Set<string>(), packages: new Set<string>(), builtins: new Set<string>() };
  const visit = (file: string): void => {
    if (found.files.has(file)) return;
    found.files.add(file);
    // As it is compiled: imports of types are gone.
    const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
      },
    });
    for (const statement of ts.createSourceFile(file, outputText, ts.ScriptTarget.ES2022).statements) {
      if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
      const from = statement.moduleSpecifier;
      if (from === undefined || !ts.isStringLiteral(from)) continue;
      const name = from.text;
      if (name.startsWith('.')) visit(join(dirname(file), name.replace(/\.js$/, '.ts')));
      else (name.startsWith('node:') ? found.builtins : found.packages).add(name);
    }
  };
  for (const entry of entries) visit(join(root, 'src/cli', entry));
  return {
    files: [...found.files].map((file) => relative(root, file)).sort(),
    packages: [...found.packages].sort(),
    builtins: [...found.builtins].sort(),
  };
}

test('list loads commander and no other package, and of Node only what it needs', (t) => {
  const { files, packages, builtins } = loadedWith('main.ts', 'commands/functions.ts');
  t.true(files.includes('src/cli/program.ts') && files.includes('src/cli/api/client.ts'), files.join());
  t.deepEqual(packages, ['commander']);
  t.deepEqual(builtins, [
    'node:fs',
    'node:http',
    'node:net',
    'node:os',
    'node:path',
    'node:url',
    'node:util',
  ]);
});

test('no other command is loaded with list, nor anything of the server but its variables', (t) => {
  const { files } = loadedWith('main.ts', 'commands/functions.ts');
  t.deepEqual(
    files.filter((file) => file.startsWith('src/cli/commands/')),
    ['src/cli/commands/functions.ts'],
  );
  t.deepEqual(
    files.filter((file) => !file.startsWith('src/cli/')),
    ['src/config-variables.ts', 'src/config.ts', 'src/model/near-name.ts'],
  );
});

test('the walk over modules follows what is imported, also for its effect, and tells packages', (t) => {
  const { packages, files } = loadedWith('commands/deploy.ts');
  t.deepEqual(packages, ['adm-zip', 'ignore']);
  t.true(files.includes('src/cli/bundle/pack-folder.ts'));
});

/**
 * Owns the checking of architecture rules over a set of files, given as text. The rules themselves are in
 * `tests/unit/architecture.test.ts`.
 */
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

export interface Rules {
  /** Folder of `src` → the folders it may import. */
  folders: Record<string, readonly string[]>;
  /** Modules in `src` that every folder may import; they import no folder. */
  leaves: readonly string[];
  /** Modules in `src` that may import everything; nobody imports the first of them. */
  roots: readonly string[];
  /** A module whose types every folder may import. */
  sharedTypes: string;
  /** Package → the files that may import it, its types included. One without a row may be imported nowhere. */
  vendors: Record<string, RegExp>;
  /** The only file that may read process.env. */
  environment: string;
  maxLines: number;
  namelessFile: RegExp;
  machinePath: RegExp;
}

export interface File {
  /** From the repository's root, with `/`. */
  path: string;
  text: string;
}

/** One mention of another module. `target` is a path in the repository, a package's name, or null when not a literal. */
interface Import {
  from: string;
  target: string | null;
  typeOnly: boolean;
}

function parse({ path, text }: File): ts.SourceFile {
  const kind = path.endsWith('.ts') ? ts.ScriptKind.TS : ts.ScriptKind.JS;
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, kind);
}

/** All ways to name another module: static, dynamic and type imports, re-exports, `require`, `getBuiltinModule`, JSDoc. */
function importsOf(file: File): Import[] {
  const { path } = file;
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (specifier === undefined) return;
    found.push({
      from: path,
      target: ts.isStringLiteralLike(specifier) ? targetOf(path, specifier.text) : null,
      typeOnly,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const named = node.importClause?.namedBindings;
      const allTypes =
        node.importClause?.name === undefined &&
        named !== undefined &&
        ts.isNamedImports(named) &&
        named.elements.every((element) => element.isTypeOnly);
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword || allTypes);
    } else if (ts.isJSDocImportTag(node)) {
      add(node.moduleSpecifier, true);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument, true);
    } else if (ts.isExternalModuleReference(node)) {
      add(node.expression, false);
    } else if (ts.isCallExpression(node)) {
      const callee = node.expression;
      const isImport = callee.kind === ts.SyntaxKind.ImportKeyword;
      const isRequire = ts.isIdentifier(callee) && callee.text === 'require';
      const isBuiltinLookup =
        ts.isPropertyAccessExpression(callee) && callee.name.text === 'getBuiltinModule';
      if (isImport || isRequire || isBuiltinLookup) add(node.arguments[0], false);
    }
    for (const comment of (node as { jsDoc?: ts.JSDoc[] }).jsDoc ?? []) ts.forEachChild(comment, visit); // not among the children
    ts.forEachChild(node, visit);
  };
  visit(parse(file));
  return found;
}

/** A relative specifier as a path in the repository (`.js` stands for `.ts` in src), anything else as the package's name. */
function targetOf(from: string, specifier: string): string {
  if (specifier.startsWith('.')) {
    const path = normalize(join(dirname(from), specifier));
    return path.startsWith('src/') ? path.replace(/\.js$/, '.ts') : path;
  }
  if (specifier === 'sqlite' || specifier === 'node:sqlite') return 'node:sqlite';
  if (isBuiltin(specifier)) return 'node:*';
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Whether a file reads the environment: `process.env`, `process['env']`, `const { env } = process`, `import { env }`. */
function readsEnvironment(source: ts.SourceFile): boolean {
  const isProcess = (node: ts.Node | undefined) =>
    node !== undefined && ts.isIdentifier(node) && node.text === 'process';
  const namesEnv = (elements: ts.NodeArray<ts.BindingElement | ts.ImportSpecifier>) =>
    elements.some(({ name, propertyName }) => (propertyName ?? name).getText(source) === 'env');
  const reads = (node: ts.Node): boolean => {
    if (ts.isPropertyAccessExpression(node) && isProcess(node.expression) && node.name.text === 'env')
      return true;
    if (ts.isElementAccessExpression(node) && isProcess(node.expression)) return true;
    if (
      ts.isVariableDeclaration(node) &&
      isProcess(node.initializer) &&
      ts.isObjectBindingPattern(node.name)
    ) {
      if (namesEnv(node.name.elements)) return true;
    }
    if (ts.isImportDeclaration(node) && /^'(node:)?process'$/.test(node.moduleSpecifier.getText(source))) {
      const named = node.importClause?.namedBindings;
      if (named !== undefined && ts.isNamedImports(named) && namesEnv(named.elements)) return true;
    }
    return ts.forEachChild(node, reads) === true;
  };
  return reads(source);
}

/** Whether the rules for our programs hold for it, not only those for any text. */
const isProgram = (path: string) => /^(src|worker)\/.*\.(ts|cjs)$/.test(path);

/** The first part below src: a folder's name, or a file's. */
const placeOf = (path: string) => path.split('/')[1] ?? '';

/** What is wrong with one import, or undefined. */
function wrongImport(
  { from, target, typeOnly }: Import,
  { folders, leaves, roots, sharedTypes, vendors }: Rules,
): string | undefined {
  if (target === null) return from.startsWith('worker/') ? undefined : 'imports something that is no literal';
  if (target === 'node:*') return undefined;
  if (from.startsWith('worker/')) {
    return target.startsWith('worker/')
      ? undefined
      : `the worker imports ${target}, not only Node and itself`;
  }
  if (target.startsWith('worker/')) {
    const allowed = placeOf(from) === 'ipc' && target === 'worker/protocol.cjs';
    return allowed ? undefined : `imports ${target}; only ipc may import the worker, and only its protocol`;
  }
  if (!target.startsWith('src/')) {
    const where = vendors[target];
    if (where === undefined) return `imports the package ${target}, which has no row in the table of vendors`;
    return where.test(from) ? undefined : `imports ${target}, which belongs in ${where.source}`;
  }
  const [source, destination] = [placeOf(from), placeOf(target)];
  if (destination === roots[0]) return `imports ${target}, where the process begins`;
  if (source === destination || roots.includes(source) || leaves.includes(destination)) return undefined;
  if (typeOnly && target === sharedTypes && !leaves.includes(source)) return undefined;
  if (leaves.includes(source)) return `is a leaf and imports ${target}`;
  return folders[source]?.includes(destination) === true
    ? undefined
    : `${source} may not import ${destination} (${target})`;
}

/** What is wrong with one file by itself. */
function wrongFile(file: File, rules: Rules): string[] {
  const { path, text } = file;
  const wrong: string[] = [];
  if (path.startsWith('src/')) {
    const places = [...Object.keys(rules.folders), ...rules.leaves, ...rules.roots];
    if (!places.includes(placeOf(path)))
      wrong.push(`lies in ${placeOf(path)}, which has no row in the tables`);
    if (path !== rules.environment && readsEnvironment(parse(file))) {
      wrong.push(`reads process.env, which only ${rules.environment} does`);
    }
  }
  if (isProgram(path)) {
    const lines = text.split('\n').length - 1;
    if (rules.namelessFile.test(path)) wrong.push('has a name that says nothing about what it owns');
    if (lines > rules.maxLines) {
      wrong.push(`has ${lines} lines, more than ${rules.maxLines}: look for the noun hiding in it`);
    }
    if (!/^(#!.*\n)?('use strict';\n+)?(\/\*\*?|\/\/)\s*\S/.test(text)) {
      wrong.push('does not open with a comment that says what it owns');
    }
  }
  const machine = rules.machinePath.exec(text);
  if (machine) wrong.push(`names a path of some machine: ${machine[0]}`);
  return wrong;
}

/** Circles among the folders of src, as `a → b → a`. */
function folderCycles(imports: Import[], sharedTypes: string): string[] {
  const edges = new Map<string, Set<string>>();
  for (const { from, target } of imports) {
    if (!from.startsWith('src/') || target?.startsWith('src/') !== true || target === sharedTypes) continue;
    const [source, destination] = [placeOf(from), placeOf(target)];
    if (source !== destination) edges.set(source, (edges.get(source) ?? new Set()).add(destination));
  }
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (place: string, trail: string[]): void => {
    if (trail.includes(place)) cycles.push([...trail.slice(trail.indexOf(place)), place].join(' → '));
    if (trail.includes(place) || done.has(place)) return;
    for (const next of edges.get(place) ?? []) walk(next, [...trail, place]);
    done.add(place);
  };
  for (const place of edges.keys()) walk(place, []);
  return cycles;
}

/** Everything that breaks a rule, one sentence each, beginning with the file. */
export function violations(files: readonly File[], rules: Rules): string[] {
  const imports = files.filter(({ path }) => isProgram(path)).flatMap(importsOf);
  return [
    ...files.flatMap((file) => wrongFile(file, rules).map((wrong) => `${file.path} ${wrong}`)),
    ...imports.flatMap((each) => {
      const wrong = wrongImport(each, rules);
      return wrong === undefined ? [] : [`${each.from} ${wrong}`];
    }),
    ...folderCycles(imports, rules.sharedTypes).map((cycle) => `a circle of folders: ${cycle}`),
  ];
}

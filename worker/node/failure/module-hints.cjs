/**
 * Owns hints about a module that was not found, while the code loads or in a call: packages, files of the bundle, and Node's
 * own modules. Only what is certain. Read only when an import fails.
 */
'use strict';
const fs = require('node:fs');
const { builtinModules } = require('node:module');
const path = require('node:path');
const { isNear } = require('./near-name.cjs');

/** Packages for one platform have advice of their own (`addon-advice.cjs`). */
const PLATFORM = /(?:linux|darwin|win32|linuxmusl)-/;
/** How Node names what is missing, and the file that asked for it, which `require` names in `requireStack` only. */
const MISSING = /^Cannot find (?:module|package) '([^'\n]+)'(?: imported from ([^\n]+))?/;
/** The name of a package, with a scope or without, and a path in it. */
const PACKAGE = /^((?:@[A-Za-z\d][\w.-]*\/)?[A-Za-z\d][\w.-]*)(\/.*)?$/;
/** A path that a compiler replaces, e.g. `@/lib/db`. */
const ALIAS = /^[@~]\//;
/** Endings with which a file may be meant that was named without, or with another one. */
const ENDINGS = ['.ts', '.mts', '.cts', '/index.ts', '.js', '.mjs', '.cjs', '.json', '/index.js'];

/** Glambdar's own package is for the editor. Node takes an import away only where it is written as one of types. */
const OWN_TYPES =
  '"glambdar" is only types, for the editor, and nothing that runs: write import type { Handler } from "glambdar" in TypeScript, and leave it out in JavaScript';

/** Packages have shorter names, too, and each is a character away from one of Node's: ms, ws, got, pug. */
const MIN_MISTYPED = 4;

/**
 * @param {any} error with one of the three codes that `hints.cjs` lists
 * @param {string} root absolute path of the function's folder
 * @returns {string | null} a sentence without a full stop
 */
function moduleHint(error, root) {
  if (error.code === 'ERR_UNKNOWN_BUILTIN_MODULE') return builtinHint(String(error.message));
  const [, wanted = '', importer] = MISSING.exec(String(error.message)) ?? [];
  const file = missingFile(error, wanted, root);
  if (file !== null) return fileHint(file, root);
  if (ALIAS.test(wanted))
    return `"${wanted}" is an alias, which only compilers know: import the file by its path, which begins with ./ or ../, or bundle the code before you deploy it`;
  const [, name, inside = ''] = PACKAGE.exec(wanted) ?? [];
  if (name === undefined || PLATFORM.test(wanted)) return null;
  if (builtinModules.includes(name)) return builtinHint(wanted);
  return packageHint(name, inside, importerOf(error, importer), root);
}

/** @param {string} text ends with the name of a module that Node does not have */
function builtinHint(text) {
  const name = text.slice(text.lastIndexOf(' ') + 1);
  const near = nearBuiltin(name.replace(/^node:/, ''));
  if (near !== undefined) return `did you mean "node:${near}"?`;
  return `functions run on Node ${process.versions.node}, which has no module "${name}"`;
}

/**
 * @param {string} name of a package
 * @param {string} inside path in the package, '' or with a slash before it
 * @param {string | null} importer absolute path of the file that asks for it
 * @param {string} root
 */
function packageHint(name, inside, importer, root) {
  // Where the package is there, a file in it is missing.
  if (fs.existsSync(path.join(root, 'node_modules', name))) return null;
  if (fs.existsSync(path.join(root, name))) {
    const wanted = path.join(root, name, inside);
    const relative = importer === null ? wanted : path.relative(path.dirname(importer), wanted);
    const written = relative.startsWith('.') ? relative : `./${relative}`;
    return `"${name}" is a folder of the bundle, but without ./ or ../ it is taken for a package${importer === null ? '' : `: write "${written}"`}`;
  }
  if (name === 'glambdar') return OWN_TYPES;
  const lower = name.toLowerCase();
  if (lower !== name && fs.existsSync(path.join(root, 'node_modules', lower)))
    return `upper and lower case count: did you mean "${lower}"?`;
  if (isForDevelopment(name, root))
    return `"${name}" is one of the devDependencies in package.json, which a deploy does not install: move it to the dependencies`;
  const near = inside === '' ? builtinInsteadOf(name) : undefined;
  const other = near === undefined ? '' : `; or did you mean Node's own "node:${near}"?`;
  return `add "${name}" to the dependencies in package.json, which a deploy installs, or run npm install in the folder before you zip it${other}`;
}

/** @param {string} name @param {string} root */
function isForDevelopment(name, root) {
  try {
    const { devDependencies } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
    return Object.hasOwn(devDependencies ?? {}, name);
  } catch {
    // There is none, or it is no JSON.
    return false;
  }
}

/**
 * The sentence about a file of the bundle that is not there.
 * @param {string} file absolute path, as an import names it
 * @param {string} root
 */
function fileHint(file, root) {
  // The file of a package is missing, or one outside the bundle.
  if (!file.startsWith(`${root}/`) || file.includes('/node_modules/')) return null;
  const stem = file.replace(/\.[mc]?[jt]s$/, '');
  const written = ENDINGS.map((ending) => stem + ending).find((one) => one !== file && fs.existsSync(one));
  if (written !== undefined) {
    const compile = /ts$/.test(written) ? '; or compile the code to JavaScript before you deploy it' : '';
    return `there is ${path.relative(root, written)}: Node needs the name of the file as it is in an import, its extension included${compile}`;
  }
  const beside = namesIn(path.dirname(file));
  const wanted = path.basename(file).toLowerCase();
  const similar = beside.find((name) =>
    [name, path.parse(name).name].some((one) => one.toLowerCase() === wanted),
  );
  if (similar !== undefined)
    return `upper and lower case count: there is ${path.relative(root, path.join(path.dirname(file), similar))}`;
  return `there is no ${path.relative(root, file)} in the bundle: build it before you deploy, if a build makes it, and see whether .glambdarignore or .gitignore leaves it out`;
}

/** @param {string} folder @returns {string[]} */
function namesIn(folder) {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

/** The file that an import names by its path and that is not there. @param {any} error @param {string} wanted @param {string} root */
function missingFile(error, wanted, root) {
  const { url } = error;
  if (typeof url === 'string' && url.startsWith(`file://${root}/`))
    return require('node:url').fileURLToPath(url);
  const importer = importerOf(error, undefined);
  return /^\.{1,2}(?:\/|$)/.test(wanted) && importer !== null
    ? path.resolve(path.dirname(importer), wanted)
    : null;
}

/** @param {any} error @param {string | undefined} importer as the message names it @returns {string | null} */
function importerOf({ requireStack }, importer) {
  const first = Array.isArray(requireStack) ? requireStack[0] : importer;
  return typeof first === 'string' && path.isAbsolute(first) ? first : null;
}

/** The public module of Node of which a name is one typed, left out, changed or swapped character away. @param {string} name */
function nearBuiltin(name) {
  return builtinModules.find((one) => !one.startsWith('_') && one !== name && isNear(one, name));
}

/** The public module of Node that a name may mean which could be a package's as well. @param {string} name */
function builtinInsteadOf(name) {
  const lower = name.toLowerCase();
  if (lower !== name && builtinModules.includes(lower)) return lower;
  return name.length < MIN_MISTYPED ? undefined : nearBuiltin(name);
}

module.exports = { moduleHint };

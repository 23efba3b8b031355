/** Owns loading a function's module from its folder and finding the handler in it (docs/functions.md). */
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { describeExports, exportAdvice, ownExport } = require('./exports.cjs');

/** @typedef {import('./contract.cjs').LookUp} LookUp */

const ENTRY_FILES = ['index.js', 'index.mjs', 'index.cjs', 'index.ts', 'index.mts', 'index.cts'];
const EXTENSIONS = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

const TYPESCRIPT = /\.[mc]?ts$/;
const EXTENSION_LIST = '.js, .mjs, .cjs, .ts, .mts or .cts';

/** @typedef {{ handler: Function, convention: import('./contract.cjs').Convention | null }} Found `convention`: another one than the contract's */

/** The function's folder lacks a file or export that a function needs. The message is for the function's author. */
class LoadError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'LoadError';
  }
}

/**
 * Loads the module and finds the handler among its exports.
 * @param {string} root absolute path of the function's folder
 * @param {string | null} setting `file.export`, or null: the module and the export are looked up
 * @param {LookUp} lookUp the look-up of the contract, used when there is no setting
 * @returns {Promise<Found>}
 * @throws {LoadError} or the error that the module throws while it loads
 */
async function loadHandler(root, setting, lookUp) {
  const { file, exportPath } =
    setting === null ? { file: defaultEntry(root), exportPath: null } : parseSetting(root, setting);
  if (TYPESCRIPT.test(file) && !(/** @type {any} */ (process.features).typescript))
    throw new LoadError(require('./failure/typescript-fault.cjs').noTypeScript(path.relative(root, file)));
  const exports = await loadModule(file).catch((error) => {
    throw explainLoadFailure(error, file);
  });
  const found = exportPath === null ? lookUp.pick(exports) : exportPath.reduce(ownExport, exports);
  if (typeof found === 'function') return { handler: found, convention: null };
  const adapted = lookUp.adapt?.(found);
  if (adapted !== undefined) return adapted;
  const expected = exportPath === null ? lookUp.expected : `a function exported as "${exportPath.join('.')}"`;
  const listening = require('./failure/load-hints.cjs').listenHint();
  const advice = listening ?? (exportPath === null ? exportAdvice(exports, path.relative(root, file)) : null);
  throw new LoadError(
    `${path.relative(root, file)} has no handler: expected ${expected}, found ${describeExports(exports)}${advice === null ? '' : ` (${advice})`}.`,
  );
}

/**
 * Finds the file and the export that a setting names. The export is what follows the last dot behind which a file can be
 * found: `a/index.app.handler` is the export `app.handler` of `a/index.js` unless there is `a/index.app.js`.
 * @param {string} root
 * @param {string} setting
 * @returns {{ file: string, exportPath: string[] }}
 * @throws {LoadError} when the setting names no file of the function
 */
function parseSetting(root, setting) {
  const lastSlash = setting.lastIndexOf('/');
  for (let dot = setting.lastIndexOf('.'); dot > lastSlash; dot = setting.lastIndexOf('.', dot - 1)) {
    const base = path.resolve(root, setting.slice(0, dot));
    if (!isInside(root, base))
      throw new LoadError(`handler "${setting}" points outside the function's folder.`);
    const file = EXTENSIONS.map((extension) => base + extension).find(isFile);
    if (file) return { file, exportPath: setting.slice(dot + 1).split('.') };
    if (dot === 0) break;
  }
  throw new LoadError(
    `handler "${setting}": no file ${setting.slice(0, setting.lastIndexOf('.'))} (${EXTENSION_LIST}) in the function's folder; ${require('./failure/missing-entry.cjs').listFiles(root)}.`,
  );
}

/**
 * The entry file where no setting names one: the `main` of package.json if that file exists, else an index file.
 * @param {string} root
 * @throws {LoadError}
 */
function defaultEntry(root) {
  const main = packageMain(root);
  if (main !== null) {
    const base = path.resolve(root, main);
    const candidates = [
      ...EXTENSIONS.map((extension) => base + extension),
      ...ENTRY_FILES.map((name) => path.join(base, name)),
    ];
    const file = base === root || isInside(root, base) ? candidates.find(isFile) : undefined;
    if (file) return file;
  }

  const file = ENTRY_FILES.map((name) => path.join(root, name)).find(isFile);
  if (file) {
    // The main of a TypeScript project is what its build makes, and may do more than the sources alone.
    if (main !== null && TYPESCRIPT.test(file))
      process.stderr.write(
        `glambdar: package.json names ${JSON.stringify(main)} as its "main", which is not in the zip; ${path.relative(root, file)} runs instead\n`,
      );
    return file;
  }
  const { describeFiles } = require('./failure/missing-entry.cjs');
  const named =
    main === null
      ? ''
      : `package.json names ${JSON.stringify(main)} as its "main", which is not in the zip. Build it before you zip, or correct the name; `;
  throw new LoadError(
    `no entry file: ${named}expected index.js, index.mjs, index.cjs, index.ts, index.mts or index.cts at the root of the zip, a "main" in package.json, or the handler setting; ${describeFiles(root, ENTRY_FILES, main)}.`,
  );
}

/**
 * @param {string} root
 * @returns {string | null} the `main` of the function's package.json; null when there is no such file or field
 * @throws {LoadError} when package.json holds no JSON object
 */
function packageMain(root) {
  let source;
  try {
    // Editors on Windows begin a file with a byte order mark, which Node reads over in package.json, too.
    source = fs.readFileSync(path.join(root, 'package.json'), 'utf8').replace(/^\uFEFF/, '');
  } catch {
    return null;
  }
  let json;
  try {
    json = JSON.parse(source);
  } catch {
    const fault = require('./failure/json-place.cjs').describeJsonFault(source);
    throw new LoadError(`package.json is not valid JSON: ${fault}`);
  }
  // Node itself fails later for a package.json that holds no object, with a message that names no file.
  if (typeof json !== 'object' || json === null)
    throw new LoadError('package.json does not hold a JSON object.');
  return typeof json.main === 'string' && json.main !== '' ? json.main : null;
}

/** @param {string} root @param {string} path absolute */
function isInside(root, path) {
  return path.startsWith(`${root}/`);
}

/** @param {string} file */
function isFile(file) {
  try {
    return fs.statSync(file).isFile();
  } catch {
    // Not there, or a path through a file.
    return false;
  }
}

/** Adds to an error of loading the place of a syntax error, or what the author can do about it. @param {any} error @param {string} file */
function explainLoadFailure(error, file) {
  if (TYPESCRIPT.test(file) || /TYPESCRIPT|TYPE_STRIPPING/.test(String(error?.code)))
    return require('./failure/typescript-fault.cjs').explainTypeScriptFault(error);
  return error instanceof SyntaxError ? require('./failure/syntax-place.cjs').withPlace(error, file) : error;
}

/**
 * Tries `require` first: for CommonJS `require` is several milliseconds faster than the ES module loader, and Node ≥ 20.19
 * requires ES modules, too. A module that `require` cannot take (top-level await) is refused before any of it has run.
 * @param {string} file
 * @returns {Promise<any>}
 */
async function loadModule(file) {
  try {
    return require(file);
  } catch (error) {
    const code = /** @type {any} */ (error)?.code;
    if (code !== 'ERR_REQUIRE_ASYNC_MODULE' && code !== 'ERR_REQUIRE_ESM') throw error;
    return await import(pathToFileURL(file).href);
  }
}

module.exports = { loadHandler, LoadError };

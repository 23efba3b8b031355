/** Owns loading a function's module from its folder and finding the handler in it (README "Writing functions"). */
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { describeExports, ownExport } = require('./exports.cjs');

/** @typedef {import('./contract.cjs').LookUp} LookUp */

const ENTRY_FILES = ['index.js', 'index.mjs', 'index.cjs'];
const EXTENSIONS = ['', '.js', '.mjs', '.cjs'];

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
 * @returns {Promise<Function>}
 * @throws {LoadError} or the error that the module throws while it loads
 */
async function loadHandler(root, setting, lookUp) {
  const { file, exportName } =
    setting === null ? { file: defaultEntry(root), exportName: null } : parseSetting(root, setting);
  process.argv[1] = file;
  const exports = await loadModule(file).catch((error) => {
    throw error instanceof SyntaxError ? require('./syntax-place.cjs').withPlace(error, file) : error;
  });
  const handler = exportName === null ? lookUp.pick(exports) : ownExport(exports, exportName);
  if (typeof handler === 'function') return handler;
  const expected = exportName === null ? lookUp.expected : `a function exported as "${exportName}"`;
  throw new LoadError(
    `${path.relative(root, file)} has no handler: expected ${expected}, found ${describeExports(exports)}.`,
  );
}

/**
 * @param {string} root
 * @param {string} setting
 * @throws {LoadError} when the setting names no file of the function
 */
function parseSetting(root, setting) {
  const dot = setting.lastIndexOf('.');
  const base = path.resolve(root, setting.slice(0, dot));
  if (!isInside(root, base))
    throw new LoadError(`handler "${setting}" points outside the function's folder.`);
  const file = EXTENSIONS.map((extension) => base + extension).find(isFile);
  if (!file)
    throw new LoadError(
      `handler "${setting}": no file ${setting.slice(0, dot)} (.js, .mjs or .cjs) in the function's folder.`,
    );
  return { file, exportName: setting.slice(dot + 1) };
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
  if (file) return file;
  throw new LoadError(
    'no entry file: expected index.js, index.mjs or index.cjs at the root of the zip, a "main" in package.json, or the handler setting.',
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
  } catch (error) {
    throw new LoadError(`package.json is not valid JSON: ${/** @type {Error} */ (error).message}`);
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
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
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

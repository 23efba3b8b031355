/** Owns loading a function's module and finding the handler in it (docs/functions.md). */
'use strict';
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { findEntry, LoadError } = require('./entry.cjs');
const { describeExports, exportAdvice, ownExport } = require('./exports.cjs');

/** @typedef {import('./contract.cjs').LookUp} LookUp */

const TYPESCRIPT = /\.[mc]?ts$/;

/** @typedef {{ handler: Function, convention: import('./contract.cjs').Convention | null }} Found `convention`: another one than the contract's */

/**
 * Loads the module and finds the handler among its exports.
 * @param {string} root absolute path of the function's folder
 * @param {string | null} setting `file.export`, or null: the module and the export are looked up
 * @param {LookUp} lookUp the look-up of the contract, used when there is no setting
 * @returns {Promise<Found>}
 * @throws {LoadError} or the error that the module throws while it loads
 */
async function loadHandler(root, setting, lookUp) {
  const { file, exportPath, remark } = findEntry(root, setting);
  if (remark !== null) process.stderr.write(`glambdar: ${remark}\n`);
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
  const listening = require('./failure/load-hints.cjs').hintOfServer();
  const advice = listening ?? (exportPath === null ? exportAdvice(exports, path.relative(root, file)) : null);
  throw new LoadError(
    `${path.relative(root, file)} has no handler: expected ${expected}, found ${describeExports(exports)}${advice === null ? '' : ` (${advice})`}.`,
  );
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

module.exports = { loadHandler };

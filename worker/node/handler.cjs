/** Owns finding a function's handler in its folder (README "Writing functions"). */
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const ENTRY_FILES = ['index.js', 'index.mjs', 'index.cjs'];
const EXTENSIONS = ['', '.js', '.mjs', '.cjs'];

/** The bundle does not hold what a function needs; the message is for its author. */
class LoadError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'LoadError';
  }
}

/**
 * Loads the module and picks the handler.
 * @param {string} root absolute path of the function's folder
 * @param {string | null} setting `file.export`, or null for the default look-up
 * @returns {Promise<Function>}
 * @throws {LoadError} or whatever the module throws while loading
 */
async function loadHandler(root, setting) {
  const { file, exportName } =
    setting === null ? { file: defaultEntry(root), exportName: null } : parseSetting(root, setting);
  process.argv[1] = file;
  const exports = await loadModule(file).catch((error) => {
    throw error instanceof SyntaxError ? require('./syntax-place.cjs').withPlace(error, file) : error;
  });
  const handler = exportName === null ? pickDefault(exports) : property(exports, exportName);
  if (typeof handler === 'function') return handler;
  const relativeFile = path.relative(root, file);
  const found = exportedNames(exports);
  const expected =
    exportName === null
      ? 'an export named "handler" or a function as the default export (module.exports = …)'
      : `a function exported as "${exportName}"`;
  throw new LoadError(`${relativeFile} has no handler: expected ${expected}, found ${found}.`);
}

/** @param {string} root @param {string} setting */
function parseSetting(root, setting) {
  const dot = setting.lastIndexOf('.');
  const base = path.resolve(root, setting.slice(0, dot));
  if (!base.startsWith(root + path.sep))
    throw new LoadError(`handler "${setting}" points outside the function's folder.`);
  const file = EXTENSIONS.map((extension) => base + extension).find(isFile);
  if (!file)
    throw new LoadError(
      `handler "${setting}": no file ${setting.slice(0, dot)} (.js, .mjs or .cjs) in the function's folder.`,
    );
  return { file, exportName: setting.slice(dot + 1) };
}

/** @param {string} root */
function defaultEntry(root) {
  const main = packageMain(root);
  if (main !== null) {
    const base = path.resolve(root, main);
    const candidates = [
      ...EXTENSIONS.map((extension) => base + extension),
      ...ENTRY_FILES.map((name) => path.join(base, name)),
    ];
    const file = base.startsWith(root) ? candidates.find(isFile) : undefined;
    if (file) return file;
  }
  const file = ENTRY_FILES.map((name) => path.join(root, name)).find(isFile);
  if (file) return file;
  throw new LoadError(
    'no entry file: expected index.js, index.mjs or index.cjs at the root of the zip, a "main" in package.json, or the handler setting.',
  );
}

/** @param {string} root @returns {string | null} */
function packageMain(root) {
  let source;
  try {
    source = fs.readFileSync(path.join(root, 'package.json'), 'utf8');
  } catch {
    return null;
  }
  let json;
  try {
    json = JSON.parse(source);
  } catch (error) {
    throw new LoadError(`package.json is not valid JSON: ${/** @type {Error} */ (error).message}`);
  }
  // Node itself stumbles over it later, with a message that names nothing.
  if (typeof json !== 'object' || json === null)
    throw new LoadError('package.json does not hold a JSON object.');
  return typeof json.main === 'string' && json.main !== '' ? json.main : null;
}

/** @param {string} file */
function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/**
 * `require` first: for CommonJS it is several milliseconds faster than the ES module loader, and Node ≥ 20.19
 * requires ES modules too. What it cannot take (top-level await) it refuses before running any of it.
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

/** @param {any} exports */
function pickDefault(exports) {
  const named = property(exports, 'handler');
  if (typeof named === 'function') return named;
  if (typeof exports === 'function') return exports;
  const byDefault = property(exports, 'default');
  return typeof byDefault === 'function' ? byDefault : property(byDefault, 'handler');
}

/** @param {any} object @param {string} name */
function property(object, name) {
  return object === null || object === undefined ? undefined : object[name];
}

/** @param {any} exports */
function exportedNames(exports) {
  if (exports === null || typeof exports !== 'object')
    return `module.exports = ${exports === null ? 'null' : typeof exports}`;
  const names = Object.keys(exports).slice(0, 20);
  return names.length === 0 ? 'no exports' : names.map((name) => `"${name}"`).join(', ');
}

module.exports = { loadHandler, LoadError };

/**
 * Owns finding a function's entry file in its folder (docs/functions.md). The worker finds it to load it, and the server before
 * it installs dependencies, so nothing here runs or changes anything.
 */
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const ENTRY_FILES = ['index.js', 'index.mjs', 'index.cjs', 'index.ts', 'index.mts', 'index.cts'];
const EXTENSIONS = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];
const TYPESCRIPT = /\.[mc]?ts$/;
/** A bundle has no longer paths, so a longer name is the name of nothing. In characters. */
const MAX_PATH = 512;
/** Characters of a name that a message repeats. */
const MAX_SHOWN = 200;
/** A path to what an install of dependencies may bring. */
const IN_PACKAGES = /^(?:\.\/)*node_modules\//;

/**
 * @typedef {object} Entry
 * @property {string} file absolute path of the module
 * @property {string[] | null} exportPath the export that the setting names; null: it is looked up
 * @property {string | null} remark a sentence for the author, without a full stop
 */

/** The function's folder lacks a file or export that a function needs. The message is for the function's author. */
class LoadError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'LoadError';
  }
}

/**
 * @param {string} root absolute path of the function's folder
 * @param {string | null} setting `file.export`, or null
 * @returns {Entry}
 * @throws {LoadError}
 */
function findEntry(root, setting) {
  return setting === null ? defaultEntry(root) : parseSetting(root, setting);
}

/**
 * What will be loaded, as far as it is certain before dependencies are installed.
 * @param {string} root absolute path of the function's folder
 * @param {string | null} setting
 * @returns {{ file: string, others: string[] } | { problem: string } | null} paths relative to the root, `others` those of
 *   files that the name without its extension may mean as well; null when the install may bring the file
 */
function foreseeEntry(root, setting) {
  try {
    const named = setting ?? packageMain(root);
    try {
      const { file } = findEntry(root, setting);
      const stem = file.slice(0, -path.extname(file).length);
      const others = EXTENSIONS.slice(1).map((extension) => stem + extension);
      return {
        file: path.relative(root, file),
        others: others.filter((one) => one !== file && isFile(one)).map((one) => path.relative(root, one)),
      };
    } catch (error) {
      if (named !== null && IN_PACKAGES.test(named)) return null;
      throw error;
    }
  } catch (error) {
    if (error instanceof LoadError) return { problem: error.message };
    throw error;
  }
}

/**
 * Finds the file and the export that a setting names. The export is what follows the last dot behind which a file can be
 * found: `a/index.app.handler` is the export `app.handler` of `a/index.js` unless there is `a/index.app.js`.
 * @param {string} root
 * @param {string} setting
 * @returns {Entry}
 * @throws {LoadError} when the setting names no file of the function
 */
function parseSetting(root, setting) {
  const lastSlash = setting.lastIndexOf('/');
  for (let dot = setting.lastIndexOf('.'); dot > lastSlash; dot = setting.lastIndexOf('.', dot - 1)) {
    const base = path.resolve(root, setting.slice(0, dot));
    if (!isInside(root, base))
      throw new LoadError(`handler "${setting}" points outside the function's folder.`);
    const file = EXTENSIONS.map((extension) => base + extension).find(isFile);
    if (file) return { file, exportPath: setting.slice(dot + 1).split('.'), remark: null };
    if (dot === 0) break;
  }
  throw new LoadError(
    `handler "${setting}": no file ${setting.slice(0, setting.lastIndexOf('.'))} (${listed(EXTENSIONS.slice(1))}) in the function's folder; ${require('./failure/missing-entry.cjs').listFiles(root)}.`,
  );
}

/**
 * The entry file where no setting names one: the `main` of package.json if that file exists, else an index file.
 * @param {string} root
 * @returns {Entry}
 * @throws {LoadError}
 */
function defaultEntry(root) {
  const main = packageMain(root);
  if (main !== null && main.length <= MAX_PATH) {
    const base = path.resolve(root, main);
    const candidates = [
      ...(isInside(root, base) ? EXTENSIONS.map((extension) => base + extension) : []),
      ...(base === root || isInside(root, base) ? ENTRY_FILES.map((name) => path.join(base, name)) : []),
    ];
    const file = candidates.find(isFile);
    if (file) return { file, exportPath: null, remark: null };
  }

  const file = ENTRY_FILES.map((name) => path.join(root, name)).find(isFile);
  if (file) {
    // The main of a TypeScript project is what its build makes, and may do more than the sources alone.
    const remark =
      main !== null && TYPESCRIPT.test(file)
        ? `package.json names ${shown(main)} as its "main", which is not in the zip; ${path.relative(root, file)} runs instead`
        : null;
    return { file, exportPath: null, remark };
  }
  const { describeFiles } = require('./failure/missing-entry.cjs');
  const named =
    main === null
      ? ''
      : `package.json names ${shown(main)} as its "main", which is not in the zip. Build it before you zip, or correct the name; `;
  throw new LoadError(
    `no entry file: ${named}expected ${listed(ENTRY_FILES)} at the root of the zip, a "main" in package.json, or the handler setting; ${describeFiles(root, ENTRY_FILES, main)}.`,
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

/** e.g. `.js, .mjs or .cjs`. @param {readonly string[]} names */
function listed(names) {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** A name from a file of the author's, in quotation marks and not too long. @param {string} name */
function shown(name) {
  return JSON.stringify(name.length <= MAX_SHOWN ? name : `${name.slice(0, MAX_SHOWN)}…`);
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

module.exports = { findEntry, foreseeEntry, LoadError };

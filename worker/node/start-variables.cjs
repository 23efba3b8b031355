/**
 * Owns the variables of a function's environment that Node reads only when it starts. The worker's Node has started before it
 * knows the function, so what these variables ask for is done here, before the function's code is loaded. The host refuses
 * what cannot be done later (`src/runtimes/node-variables.ts`).
 */
'use strict';
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

/**
 * Has something to do only when a name begins with `NODE_`.
 * @param {Readonly<Record<string, string>>} env the function's own variables, which are in process.env already
 * @param {string} root absolute path of the function's folder, which is the working directory
 * @throws the error of a file that cannot be read, or of a preloaded module
 */
async function applyStartVariables(env, root) {
  if (env['NODE_PATH'] !== undefined) /** @type {any} */ (Module)._initPaths();
  if (env['NODE_NO_WARNINGS'] === '1') process.removeAllListeners('warning');
  if (env['NODE_EXTRA_CA_CERTS']) trustAlso(env['NODE_EXTRA_CA_CERTS']);
  if (env['NODE_COMPILE_CACHE']) /** @type {any} */ (Module).enableCompileCache?.(env['NODE_COMPILE_CACHE']);
  if (env['NODE_OPTIONS']) await applyOptions(env['NODE_OPTIONS'], root);
}

/** @param {string} file of certificates in PEM; relative to the function's folder */
function trustAlso(file) {
  const tls = /** @type {any} */ (require('node:tls'));
  if (typeof tls.setDefaultCACertificates !== 'function')
    throw new Error(`NODE_EXTRA_CA_CERTS needs Node 22.19 or 24.5; this is Node ${process.versions.node}.`);
  let certificates;
  try {
    certificates = fs.readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`NODE_EXTRA_CA_CERTS: the file ${file} cannot be read.`, { cause });
  }
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), certificates]);
}

/** What each option does in a process that runs already. @type {Record<string, (value: string) => void>} */
const SWITCHES = {
  '--enable-source-maps': () => process.setSourceMapsEnabled(true),
  '--no-warnings': () => void process.removeAllListeners('warning'),
  '--no-deprecation': () => void (process.noDeprecation = true),
  '--throw-deprecation': () => void (process.throwDeprecation = true),
  '--trace-deprecation': () => void (process.traceDeprecation = true),
  '--trace-warnings': () => void Object.assign(process, { traceProcessWarnings: true }),
  '--stack-trace-limit': (value) => void (Error.stackTraceLimit = Number(value)),
  '--dns-result-order': (value) => require('node:dns').setDefaultResultOrder(/** @type {any} */ (value)),
};

/** @param {string} text @param {string} root */
async function applyOptions(text, root) {
  /** @type {string[]} */
  const imports = [];
  const require = Module.createRequire(path.join(root, 'index.js'));
  const words = wordsOf(text).values();
  for (const word of words) {
    const [name, given] = splitAt(word, '=');
    const value = () => given ?? words.next().value ?? '';
    if (name === '--require' || name === '-r') require(value());
    else if (name === '--import') imports.push(value());
    else if (name === '--stack-trace-limit' || name === '--dns-result-order') SWITCHES[name]?.(value());
    else SWITCHES[name]?.('');
  }
  // Node imports after it has required, wherever in the text the options stand.
  for (const specifier of imports) await import(urlOf(specifier, require));
}

/** @param {string} specifier as in `--import`: a path, a package or a URL @param {NodeJS.Require} require */
function urlOf(specifier, require) {
  if (/^[a-z]+:/.test(specifier)) return specifier;
  return pathToFileURL(require.resolve(specifier)).href;
}

/** The words of NODE_OPTIONS as Node reads them: separated by spaces, with double quotes and backslashes in them. @param {string} text */
function wordsOf(text) {
  const words = text.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? [];
  return words.map((word) =>
    word.replace(/"((?:\\.|[^"\\])*)"/g, (_, quoted) => quoted.replace(/\\(.)/g, '$1')),
  );
}

/** @param {string} word @param {string} separator @returns {[string, string | undefined]} */
function splitAt(word, separator) {
  const at = word.indexOf(separator);
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

module.exports = { applyStartVariables };

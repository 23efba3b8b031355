/**
 * Owns finding where the syntax error of an ES module is: V8 tells it for CommonJS in the first line of the stack, but
 * for ES modules Node keeps it to itself until the process dies of it.
 */
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const MAX_FILES = 200;
const TIMEOUT_MS = 4_000;
const RELATIVE_IMPORT = /\b(?:from|import)\s*\(?\s*(['"])(\.{1,2}\/[^'"\n]+)\1/g;
/** Parses the files it is given, as modules and without running them; dies of the first error, which prints the place. */
const PARSE_ALL =
  'for (const file of process.argv.slice(1)) new vm.SourceTextModule(fs.readFileSync(file, "utf8"), { identifier: file })';

/**
 * The same error with `file:line` and the piece of source before its stack, if they can be had. Costs a process of
 * about 50 ms, and only a function that does not load pays it.
 * @param {SyntaxError} error
 * @param {string} entry absolute path of the module that did not load
 * @returns {SyntaxError}
 */
function withPlace(error, entry) {
  try {
    const stack = String(error.stack);
    if (!stack.startsWith('SyntaxError')) return error;
    const { spawnSync } = require('node:child_process');
    const args = ['--no-warnings', '--experimental-vm-modules', '-e', PARSE_ALL, '--', ...filesOf(entry)];
    const { stderr } = spawnSync(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
    });
    const end = stderr.indexOf(`SyntaxError: ${error.message}\n`);
    // The place is followed by the piece of source; a file that merely is no module has failed in another way.
    if (end > 0 && stderr.startsWith('/')) error.stack = stderr.slice(0, end) + stack;
  } catch {
    // Without a place it is still the right error.
  }
  return error;
}

/** The module and what it imports by relative paths, as far as a plain look at the text tells. @param {string} entry */
function filesOf(entry) {
  const files = new Set([entry]);
  for (const file of files) {
    if (files.size >= MAX_FILES) break;
    for (const [, , specifier] of fs.readFileSync(file, 'utf8').matchAll(RELATIVE_IMPORT)) {
      const imported = path.resolve(path.dirname(file), /** @type {string} */ (specifier));
      if (/\.m?js$/.test(imported) && fs.existsSync(imported)) files.add(imported);
    }
  }
  return files;
}

module.exports = { withPlace };

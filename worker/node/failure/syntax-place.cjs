/**
 * Owns finding the place of a syntax error in an ES module. For CommonJS, V8 puts the place into the first line of the
 * stack; for ES modules, Node prints the place only when the process dies of the error.
 */
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const MAX_FILES = 200;
const TIMEOUT_MS = 4_000;
const RELATIVE_IMPORT = /\b(?:from|import)\s*\(?\s*(['"])(\.{1,2}\/[^'"\n]+)\1/g;
/** A program that parses the files in its arguments as modules, without running them, and dies of the first error: Node then prints the place. */
const PARSE_ALL =
  'for (const file of process.argv.slice(1)) new vm.SourceTextModule(fs.readFileSync(file, "utf8"), { identifier: file })';

/**
 * Returns the same error with `file:line` and the piece of source before its stack, if they can be found. Starts a process,
 * which takes about 50 ms, only for functions that do not load.
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
    // Node prints the place and the piece of source before the message. A file that is no module fails with another message.
    if (end > 0 && stderr.startsWith('/')) error.stack = stderr.slice(0, end) + stack;
  } catch {
    // The error is right without its place, too.
  }
  return error;
}

/** The module and all it imports by relative paths, as far as a search in the text finds the imports. @param {string} entry */
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

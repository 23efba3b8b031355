/**
 * Owns hints: a sentence for errors of a function whose cause is how functions run here, and which the error itself does not
 * tell. Only causes that are certain.
 */
'use strict';
const os = require('node:os');
const path = require('node:path');

const NO_ROUTE = new Set(['ENETUNREACH', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETDOWN']);
const WRITES = new Set([
  'open',
  'mkdir',
  'mkdtemp',
  'copyfile',
  'rename',
  'unlink',
  'rmdir',
  'link',
  'symlink',
]);
/** How many errors are looked at: causes, and the parts of an AggregateError. */
const MAX_ERRORS = 20;

/**
 * @param {unknown} error as the function threw it
 * @param {string} root absolute path of the function's folder
 * @param {string} name of the function
 * @returns {string | null} a sentence without a full stop
 */
function hintFor(error, root, name) {
  try {
    for (const one of allErrors(error)) {
      const hint = networkHint(one, name) ?? writeHint(one, root) ?? moduleHint(one, root);
      if (hint !== null) return hint;
    }
  } catch {
    // Errors are the user's objects: their properties may throw.
  }
  return null;
}

/** The error, its causes and its parts. @param {any} error @returns {any[]} */
function allErrors(error) {
  const all = [error];
  for (const one of all) {
    if (all.length >= MAX_ERRORS) break;
    if (one === null || typeof one !== 'object') continue;
    if (one.cause) all.push(one.cause);
    if (Array.isArray(one.errors)) all.push(...one.errors.slice(0, MAX_ERRORS));
  }
  return all.filter((one) => one !== null && typeof one === 'object');
}

/** @param {any} error @param {string} name */
function networkHint(error, name) {
  if (!NO_ROUTE.has(error.code) || !hasNoNetwork()) return null;
  return `this function has network "none"; POST /config/${name} {"network":"bridge"} gives it one`;
}

/** Whether there is no interface but the loopback. */
function hasNoNetwork() {
  return Object.values(os.networkInterfaces()).every((addresses) =>
    addresses?.every(({ internal }) => internal),
  );
}

/**
 * Writing beside the code fails with EROFS, or EACCES for a file that is there; `mkdir` with `recursive` says ENOENT.
 * @param {any} error
 * @param {string} root
 */
function writeHint({ code, syscall, path: target }, root) {
  const isReadOnly =
    code === 'EROFS' ||
    (code === 'EACCES' && WRITES.has(syscall)) ||
    (code === 'ENOENT' && (syscall === 'mkdir' || syscall === 'mkdtemp'));
  if (!isReadOnly || typeof target !== 'string') return null;
  const absolute = path.resolve(target);
  if (absolute === root || absolute.startsWith(`${root}/`))
    return "the function's folder is read-only; only /tmp can be written";
  return code === 'EROFS' ? 'only /tmp can be written' : null;
}

/**
 * Imports that a TypeScript compiler would have resolved, but Node does not.
 * @param {any} error
 * @param {string} root
 */
function moduleHint(error, root) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' && error.code !== 'MODULE_NOT_FOUND') return null;
  const missing = missingFile(error, root);
  if (missing === null) return null;
  const fs = require('node:fs');
  const stem = missing.replace(/\.([mc]?)js$/, '');
  const written = ['.ts', '.mts', '.cts', '/index.ts', '.js', '/index.js']
    .map((ending) => stem + ending)
    .find((file) => file !== missing && fs.existsSync(file));
  if (written === undefined) return null;
  return `there is ${path.relative(root, written)}: Node needs the name of the file as it is in an import, its extension included; or compile the code to JavaScript before you deploy it`;
}

/** The file that a relative import names and that is not there. @param {any} error @param {string} root */
function missingFile({ message, url, requireStack }, root) {
  if (typeof url === 'string' && url.startsWith(`file://${root}/`)) return new URL(url).pathname;
  const [, relative] = /^Cannot find module '(\.{1,2}\/[^']+)'/.exec(String(message)) ?? [];
  const from = Array.isArray(requireStack) ? requireStack[0] : undefined;
  return relative !== undefined && typeof from === 'string'
    ? path.resolve(path.dirname(from), relative)
    : null;
}

module.exports = { hintFor };

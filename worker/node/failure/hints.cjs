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
/** What V8 says of `res.end()`, `callback()` or `req.headers.get()` where handlers have none of these. */
const OTHER_PLATFORMS =
  /^(?:(?:res|response|reply)\.\w+|callback|cb|(?:\w+\.)*headers\.get)(?:\(\.\.\.\)\.\w+)* is not a function$/;
/** The codes of errors that `module-hints.cjs` knows. */
const MODULE_CODES = new Set(['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND', 'ERR_UNKNOWN_BUILTIN_MODULE']);
/** What V8 says of the syntax of ES modules in a file that is none. */
const OF_ES_MODULES =
  /^(?:Cannot use import statement outside a module|Unexpected token 'export'|Cannot use 'import\.meta' outside a module)/;
/** How many errors are looked at: causes, and the parts of an AggregateError. */
const MAX_ERRORS = 20;
/** Characters of a thrown value that is no error. */
const MAX_SHOWN = 200;
/** Properties of an object up to which it is shown: a million of them take seconds, and the caller waits. */
const MAX_KEYS = 50;
/** Characters of a hint: it may quote what the function chose. */
const MAX_HINT = 1_000;

/**
 * @param {unknown} error as the function threw it
 * @param {string} root absolute path of the function's folder
 * @param {string} name of the function
 * @param {boolean} [isNative] whether a handler of the native contract threw it
 * @returns {string | null} a sentence without a full stop
 */
function hintFor(error, root, name, isNative = false) {
  try {
    for (const one of allErrors(error)) {
      const hint =
        listenHint(one) ??
        networkHint(one, name) ??
        refusedHint(one) ??
        writeHint(one, root) ??
        programHint(one) ??
        syntaxHint(one) ??
        moduleHint(one, root) ??
        (isNative ? handlerHint(one) : null);
      if (hint !== null) return hint.slice(0, MAX_HINT);
    }
    return thrownHint(error);
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

/** @param {any} error */
function listenHint({ syscall }) {
  return syscall === 'listen' || syscall === 'bind'
    ? 'a function does not listen on a port; export a handler, which is called for every request'
    : null;
}

/** @param {any} error */
function programHint({ code, syscall, path: program }) {
  if (code !== 'ENOENT' || typeof syscall !== 'string' || !syscall.startsWith('spawn')) return null;
  if (/^(?:\/(?:usr\/)?bin\/)?(?:ba|da|z)?sh$/.test(program))
    return 'there is no shell in the container; use execFile with a program that is in the bundle';
  if (!/^[\w.+-]{1,100}$/.test(program)) return null;
  // Node says the same when the folder to start in is missing.
  const fs = require('node:fs');
  const folders = (process.env['PATH'] ?? '').split(':');
  return folders.some((folder) => fs.existsSync(path.join(folder, program)))
    ? null
    : `there is no program "${program}" in the container; put it into the bundle and name its path`;
}

/** Nothing listens on the loopback of a container but what the function starts there itself. @param {any} error */
function refusedHint({ code, syscall, address }) {
  return code === 'ECONNREFUSED' &&
    syscall === 'connect' &&
    /^(?:127\.|::1$|::ffff:127\.)/.test(String(address))
    ? 'localhost is the container itself, not the machine that it runs on'
    : null;
}

/** A thrown value without a message tells its author something only when it is shown itself. @param {unknown} thrown */
function thrownHint(thrown) {
  const isTold =
    typeof thrown === 'string' ||
    (typeof thrown === 'object' &&
      thrown !== null &&
      typeof (/** @type {any} */ (thrown).message) === 'string');
  if (isTold || thrown instanceof Error) return null;
  return `what was thrown is no Error: ${shown(thrown)}; throw new Error("…"), so that callers get its message`;
}

/** What is in a value, without code of the function's and without going through all of a large one. @param {unknown} value */
function shown(value) {
  const names = isLookedInto(value) ? Object.keys(/** @type {object} */ (value)) : [];
  if (names.length > MAX_KEYS) return `an object with ${names.length} properties`;
  const inside = names.map((name) => Object.getOwnPropertyDescriptor(value, name)?.value);
  const isFlat = inside.every((one) => !isLookedInto(one) || Object.keys(one).length <= MAX_KEYS);
  return require('node:util')
    .inspect(value, {
      depth: isLookedInto(value) && isFlat ? 1 : 0,
      breakLength: Infinity,
      compact: true,
      customInspect: false,
      maxArrayLength: 10,
      maxStringLength: MAX_SHOWN,
    })
    .slice(0, MAX_SHOWN);
}

/** Whether a value is an object with properties to count; of lists and bytes the first elements are shown. @param {unknown} value */
function isLookedInto(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/**
 * The two kinds of modules mixed up, and JSX.
 * @param {any} error
 */
function syntaxHint(error) {
  const message = String(error.message);
  if (error.name === 'SyntaxError') {
    if (OF_ES_MODULES.test(message)) {
      const [, c, kind] = /^[^\n]*\.(c?)([jt]s):\d+\n/.exec(String(error.stack)) ?? [];
      const name = `.m${kind ?? 'js'}`;
      return c === 'c'
        ? `a .c${kind} file is no ES module: name it ${name}, or use require and exports`
        : `"type" in package.json says that it is no ES module: remove "type": "commonjs" from package.json, or name the file ${name}`;
    }
    // The first character of JSX that JavaScript does not know.
    return message === "Unexpected token '<'"
      ? 'JSX is no JavaScript: compile it before you deploy it, e.g. with npx esbuild'
      : null;
  }
  if (error.name !== 'ReferenceError') return null;
  // Of a .js file with "type": "module" Node says more, and what to do.
  const [, name] =
    /^(exports|module|require|__dirname|__filename) is not defined in ES module scope/.exec(message) ?? [];
  if (name === '__dirname' || name === '__filename')
    return `an ES module has import.meta.${name.slice(2)} instead`;
  return name !== undefined && name !== 'require' && !message.includes('\n')
    ? 'the file is an ES module, by an import or export in it, its name, or "type" in package.json: write "export const handler = …", or use require only, in a file whose name ends with .cjs'
    : null;
}

/**
 * Handlers of other platforms call their answer, where handlers here return it; or they read web-standard headers.
 * @param {any} error
 */
function handlerHint(error) {
  if (error.code === 'ERR_INVALID_URL' && String(error.input).startsWith('/'))
    return 'req.path is a path only; req.url is the whole URL';
  return error instanceof TypeError && OTHER_PLATFORMS.test(error.message)
    ? 'a handler gets (req, context) and returns its answer, { statusCode, headers, body }; req.headers is a plain object'
    : null;
}

/** @param {any} error @param {string} name */
function networkHint(error, name) {
  // A look-up of node:dns asks a name server, which is not there either.
  const isLookUp = error.code === 'ECONNREFUSED' && String(error.syscall).startsWith('query');
  if (!(isLookUp || NO_ROUTE.has(error.code)) || !hasNoNetwork()) return null;
  const host = [error.hostname, error.address].find((one) => /^[\w.:-]{1,253}$/.test(String(one)));
  const unreachable = host === undefined || isLookUp ? '' : `${host} cannot be reached: `;
  return `${unreachable}this function has network "none"; POST /config/${name} {"network":"bridge"} gives it one`;
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

/** @param {any} error @param {string} root */
function moduleHint(error, root) {
  return MODULE_CODES.has(error.code) ? require('./module-hints.cjs').moduleHint(error, root) : null;
}

/**
 * The hint about a request that failed in a call that answered all the same.
 * @param {unknown} error of the request
 * @param {string} name of the function
 * @returns {string | null} a sentence without a full stop
 */
function caughtHint(error, name) {
  try {
    for (const one of allErrors(error)) {
      const hint = networkHint(one, name);
      if (hint !== null) return hint;
    }
  } catch {
    // Errors are the user's objects: their properties may throw.
  }
  return null;
}

module.exports = { hintFor, caughtHint };

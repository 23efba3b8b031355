/** Owns looking into the exports of a function's module. Only own exports count, never inherited properties. */
'use strict';

/** How many exports are named in a sentence. */
const MAX_NAMES = 20;

/**
 * Reads one export. `Object.prototype` gives every object a `constructor` and a `toString`, which are no handlers.
 * @param {any} exports a value of any type
 * @param {string} name
 * @returns {unknown} undefined when there is no own export of that name
 * @throws the error that a getter of the module throws
 */
function ownExport(exports, name) {
  if (exports === null || exports === undefined || !Object.hasOwn(exports, name)) return undefined;
  return exports[name];
}

/**
 * The look-up of handlers as docs/functions.md has it: the export `handler`, else the function that is
 * `module.exports`, else the default export or its `handler`.
 * @type {import('./contract.cjs').LookUp}
 */
const HANDLER_OR_DEFAULT = {
  expected: 'an export named "handler" or a function as the default export (module.exports = …)',
  pick(exports) {
    const named = ownExport(exports, 'handler');
    if (typeof named === 'function') return named;
    if (typeof exports === 'function') return exports;
    const byDefault = ownExport(exports, 'default');
    return typeof byDefault === 'function' ? byDefault : ownExport(byDefault, 'handler');
  },
};

/**
 * Finds the object with a `fetch` that is the default export, as web frameworks have it. A `fetch` may be inherited: apps
 * are objects of classes.
 * @param {any} exports
 * @returns {any} undefined when there is none
 */
function fetchingDefault(exports) {
  const byDefault = ownExport(exports, 'default');
  if (typeof (/** @type {any} */ (byDefault)?.fetch) === 'function') return byDefault;
  // A default export of CommonJS is `module.exports` itself. The namespace of an ES module has no prototype.
  if (typeof exports !== 'object' || exports === null || Object.getPrototypeOf(exports) === null)
    return undefined;
  return typeof (/** @type {any} */ (exports).fetch) === 'function' ? exports : undefined;
}

/**
 * The look-up of the native contract: as above, else the default export's `fetch`, which speaks a convention of its own.
 * @type {import('./contract.cjs').LookUp}
 */
const HANDLER_DEFAULT_OR_FETCH = {
  expected: `${HANDLER_OR_DEFAULT.expected}, or a default export with a "fetch"`,
  pick(exports) {
    const handler = HANDLER_OR_DEFAULT.pick(exports);
    return typeof handler === 'function' ? handler : fetchingDefault(exports);
  },
  adapt(value) {
    return typeof value?.fetch === 'function' ? require('./web-fetch.cjs').webFetch(value) : undefined;
  },
};

/**
 * Says in a sentence what a module exports, e.g. `"run", "x"` or `no exports`.
 * @param {unknown} exports
 */
function describeExports(exports) {
  if (exports === null || typeof exports !== 'object')
    return `module.exports = ${exports === null ? 'null' : typeof exports}`;
  const className = classOf(exports);
  if (className !== null) return `module.exports = an object of the class ${className}`;
  const names = exportNames(exports);
  return names.length === 0
    ? 'no exports'
    : names.map((name) => `"${name}"${kindOf(exports, name)}`).join(', ');
}

/** The class of an exported object; null for a plain object and a module. Its own properties say nothing to its author. @param {object} exports */
function classOf(exports) {
  const prototype = Object.getPrototypeOf(exports);
  if (prototype === null || prototype === Object.prototype) return null;
  const { value } = Object.getOwnPropertyDescriptor(prototype, 'constructor') ?? {};
  return typeof value === 'function' && value.name !== '' && value !== Object ? value.name : null;
}

/** @param {object} exports */
function exportNames(exports) {
  // Node adds `__esModule` to the exports of an ES module that has a default export.
  return Object.keys(exports)
    .filter((name) => name !== '__esModule')
    .slice(0, MAX_NAMES);
}

/** What a default export or a "handler" is when it is no function: its name alone tells nothing. @param {object} exports @param {string} name */
function kindOf(exports, name) {
  // Without a getter of the user's being run.
  const { value } = Object.getOwnPropertyDescriptor(exports, name) ?? {};
  if ((name !== 'default' && name !== 'handler') || value === undefined || typeof value === 'function')
    return '';
  return value === null ? ' (null, not a function)' : ` (of type ${typeof value}, not a function)`;
}

/**
 * What to do about a module that exports its function under another name.
 * @param {unknown} exports
 * @param {string} file relative
 * @returns {string | null} null when no one function stands out
 */
function exportAdvice(exports, file) {
  if (exports === null || typeof exports !== 'object' || classOf(exports) !== null) return null;
  const { isNear } = require('./failure/near-name.cjs');
  const functions = exportNames(exports).filter(
    (name) => typeof Object.getOwnPropertyDescriptor(exports, name)?.value === 'function',
  );
  const mistyped = functions.find((one) => one !== 'handler' && isNear(one.toLowerCase(), 'handler'));
  const [name] = mistyped === undefined && functions.length === 1 ? functions : [mistyped];
  // A "handler" here is what another contract's look-up has not taken; a "fetch" is called with a Request.
  if (name === undefined || name === 'handler' || name === 'fetch') return null;
  const setting = `set handler to "${file.replace(/\.[mc]?[jt]s$/, '')}.${name}"`;
  return mistyped === undefined
    ? `did you mean "${name}"? Export it as "handler", or ${setting}`
    : `did you mean "handler"? Rename "${name}", or ${setting}`;
}

module.exports = {
  ownExport,
  describeExports,
  exportAdvice,
  HANDLER_OR_DEFAULT,
  HANDLER_DEFAULT_OR_FETCH,
};

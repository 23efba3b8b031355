/** Owns looking into the exports of a function's module. Only own exports count, never inherited properties. */
'use strict';

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
  // Node adds `__esModule` to the exports of an ES module that has a default export.
  const names = Object.keys(exports)
    .filter((name) => name !== '__esModule')
    .slice(0, 20);
  return names.length === 0
    ? 'no exports'
    : names.map((name) => `"${name}"${kindOf(exports, name)}`).join(', ');
}

/** What a default export is when it is no function: its name alone tells nothing. @param {object} exports @param {string} name */
function kindOf(exports, name) {
  // Without a getter of the user's being run.
  const { value } = Object.getOwnPropertyDescriptor(exports, name) ?? {};
  if (name !== 'default' || value === undefined || typeof value === 'function') return '';
  return value === null ? ' (null, not a function)' : ` (of type ${typeof value}, not a function)`;
}

module.exports = { ownExport, describeExports, HANDLER_OR_DEFAULT, HANDLER_DEFAULT_OR_FETCH };

/** Owns turning any thrown value into plain, bounded data. `serializeError` itself never throws. */
'use strict';

/** @typedef {import('./protocol.cjs').SerializedError} SerializedError */

const MAX_MESSAGE = 16 * 1024;
const MAX_STACK = 32 * 1024;
const FALLBACK = 'function execution failed';

/**
 * @param {unknown} thrown
 * @param {string} root absolute path of the function's folder; its paths become relative
 * @returns {SerializedError}
 */
function serializeError(thrown, root) {
  const name = text(() => /** @type {any} */ (thrown).name, 200) || 'Error';
  const message = relativeMessage(messageOf(thrown), root) || FALLBACK;
  const stack = relativeStack(
    text(() => /** @type {any} */ (thrown).stack, MAX_STACK) + causes(thrown),
    root,
  );
  return { name, message, stack, ...locate(stack) };
}

/**
 * The messages of an error's causes, a line for each: `fetch failed` alone tells nobody that there was no network.
 * @param {unknown} thrown
 */
function causes(thrown) {
  let lines = '';
  let error = thrown;
  for (let depth = 0; depth < 5; depth += 1) {
    try {
      error = /** @type {any} */ (error).cause;
    } catch {
      return lines;
    }
    const message = messageOf(error);
    if (message === '') return lines;
    lines += `\n[cause]: ${message.slice(0, 1000)}`;
  }
  return lines;
}

/** The message of an error, or the text of any other thrown value. @param {unknown} thrown @returns {string} */
function messageOf(thrown) {
  if (typeof thrown === 'object' && thrown !== null)
    return text(() => /** @type {any} */ (thrown).message, MAX_MESSAGE);
  if (typeof thrown === 'function') return '';
  return text(() => (thrown === undefined || thrown === null ? '' : String(thrown)), MAX_MESSAGE);
}

/**
 * The string that `read` gives; '' when `read` gives another type or throws, as getters and proxies of the user may.
 * @param {() => unknown} read
 * @param {number} max characters
 */
function text(read, max) {
  try {
    const value = read();
    return typeof value === 'string' ? value.slice(0, max) : '';
  } catch {
    return '';
  }
}

/**
 * Makes paths in the function's folder relative.
 * @param {string} value
 * @param {string} root
 */
function relative(value, root) {
  return value.replaceAll(`file://${root}/`, '').replaceAll(`${root}/`, '');
}

/**
 * Leaves the worker's own files out of the list of requiring files with which Node ends "Cannot find module".
 * @param {string} message
 * @param {string} root
 */
function relativeMessage(message, root) {
  return relative(message, root)
    .split('\n')
    .filter((line) => !line.startsWith(`- ${__dirname}/`))
    .join('\n');
}

/**
 * Leaves out the frames of the worker and of Node, which tell users nothing about their code, and makes paths relative.
 * @param {string} stack
 * @param {string} root
 */
function relativeStack(stack, root) {
  return relative(stack, root)
    .split('\n')
    .filter((line) => {
      const place = placeOf(line);
      return (
        !line.startsWith(`- ${__dirname}/`) &&
        (place === null ||
          !['node:', `${__dirname}/`, `file://${__dirname}/`].some((own) => place.startsWith(own)))
      );
    })
    .join('\n');
}

/** The `file:line:column` that one line of a stack points to; null when the line is no frame. @param {string} line */
function placeOf(line) {
  return /^\s+at (?:.*\()?(?:async )?(.+?)\)?$/.exec(line)?.[1] ?? null;
}

/**
 * The file and line of the error, if the stack names a file of the function: V8 puts the place of a syntax error before
 * the stack; for other errors this is the topmost frame in the function's folder.
 * @param {string} stack with relative paths
 * @returns {{ file?: string, line?: number }}
 */
function locate(stack) {
  const lines = stack.split('\n');
  const places = [lines[0] ?? '', ...lines.map((line) => placeOf(line)?.replace(/:\d+$/, '') ?? '')];
  for (const place of places) {
    const match = /^([^/\s<:][^\n:]{0,1000}):(\d{1,9})$/.exec(place);
    if (match) return { file: /** @type {string} */ (match[1]), line: Number(match[2]) };
  }
  return {};
}

module.exports = { serializeError };

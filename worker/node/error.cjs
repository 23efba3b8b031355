/** Owns turning anything thrown into plain, bounded data. It cannot throw, whatever it is given. */
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
 * What is behind it: `fetch failed` alone tells nobody that there was no network.
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

/** @param {unknown} thrown @returns {string} */
function messageOf(thrown) {
  if (typeof thrown === 'object' && thrown !== null)
    return text(() => /** @type {any} */ (thrown).message, MAX_MESSAGE);
  if (typeof thrown === 'function') return '';
  return text(() => (thrown === undefined || thrown === null ? '' : String(thrown)), MAX_MESSAGE);
}

/**
 * What `read` gives if it is a string, else ''. Getters, proxies and toString of user objects may throw.
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
 * @param {string} value
 * @param {string} root
 */
function relative(value, root) {
  return value.replaceAll(`file://${root}/`, '').replaceAll(`${root}/`, '');
}

/**
 * Node ends "Cannot find module" with who required whom; the worker's own files say nothing to a user.
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
 * Frames of the worker and of Node itself tell a user nothing about their code; paths inside the container neither.
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

/** Where a line of a stack points: `file:line:column`, or null when it is no frame. @param {string} line */
function placeOf(line) {
  return /^\s+at (?:.*\()?(?:async )?(.+?)\)?$/.exec(line)?.[1] ?? null;
}

/**
 * File and line where it happened, if the stack names one of the function's files: the line V8 puts before a syntax
 * error, else the topmost frame in the function's folder.
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

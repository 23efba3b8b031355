/** Owns turning any thrown value into plain, bounded data. `serializeError` itself never throws. */
'use strict';

/** @typedef {import('./protocol.cjs').SerializedError} SerializedError */

const MAX_MESSAGE = 16 * 1024;
const MAX_STACK = 32 * 1024;
/** Errors behind one error that are named, how deep they are looked for, and characters for all of them. */
const MAX_CAUSES = 20;
const MAX_DEPTH = 5;
const MAX_CAUSES_TEXT = 8 * 1024;
const FALLBACK = 'function execution failed';

/**
 * @param {unknown} thrown
 * @param {string} root absolute path of the function's folder; its paths become relative
 * @returns {SerializedError}
 */
function serializeError(thrown, root) {
  const name = text(() => /** @type {any} */ (thrown).name, 200) || 'Error';
  const causes = causesOf(thrown);
  const message = relativeMessage(advisedMessage(messageOf(thrown), causes), root) || FALLBACK;
  const causeLines = causes.map(({ label, message }) => `\n[${label}]: ${message}`).join('');
  const stack = relativeStack(
    originalPlaces(
      text(() => /** @type {any} */ (thrown).stack, MAX_STACK),
      root,
    ).slice(0, MAX_STACK - causeLines.length) + causeLines,
    root,
  );
  return { name, message, stack, ...locate(stack) };
}

/**
 * The stack with places in the author's own files, as far as there are source maps.
 * @param {string} stack
 * @param {string} root
 */
function originalPlaces(stack, root) {
  try {
    return require('./failure/original-places.cjs').withOriginalPlaces(stack, root);
  } catch {
    return stack;
  }
}

/**
 * The errors behind an error, nearest first: `fetch failed` alone tells nobody that there was no network. A cause may be
 * a list of errors, and an AggregateError has a list beside its cause.
 * @param {unknown} thrown
 */
function causesOf(thrown) {
  /** @type {{ label: string, message: string }[]} */
  const causes = [];
  let room = MAX_CAUSES_TEXT;
  /** @param {unknown} error @param {number} depth */
  const descend = (error, depth) => {
    for (const [label, behind] of depth > MAX_DEPTH ? [] : errorsBehind(error)) {
      const message = messageOf(behind).slice(0, Math.min(1000, room));
      if (message === '' || causes.length >= MAX_CAUSES) continue;
      room -= label.length + message.length + '\n[]: '.length;
      causes.push({ label, message });
      descend(behind, depth + 1);
    }
  };
  descend(thrown, 1);
  return causes;
}

/**
 * The causes of one error, then the errors in its list.
 * @param {unknown} error
 * @returns {[label: string, error: unknown][]}
 */
function errorsBehind(error) {
  try {
    const { cause, errors } = /** @type {any} */ (error);
    const causes = Array.isArray(cause) ? cause : [cause];
    const list = Array.isArray(errors) ? errors : [];
    return [
      ...causes.slice(0, MAX_CAUSES).map((one) => /** @type {[string, unknown]} */ (['cause', one])),
      ...list.slice(0, MAX_CAUSES).map((one) => /** @type {[string, unknown]} */ (['error', one])),
    ];
  } catch {
    // Getters and proxies of the user may throw; null and undefined have no properties.
    return [];
  }
}

/**
 * The message, followed by the reason and by advice when a native addon did not load.
 * @param {string} message
 * @param {{ message: string }[]} causes
 */
function advisedMessage(message, causes) {
  try {
    const found = require('./failure/addon-advice.cjs').adviceFor([
      message,
      ...causes.map((cause) => cause.message),
    ]);
    if (found === null) return message;
    const { cause, advice } = found;
    const reason = cause === message ? message : `${message.trimEnd().replace(/\.?$/, '.')} Cause: ${cause}`;
    // The sentence about another version of Node comes with line breaks in it.
    const whole = /NODE_MODULE_VERSION/.test(reason) ? reason.replaceAll('\n', ' ') : reason;
    const [sentence, ...lists] = whole.slice(0, MAX_MESSAGE - advice.length - 2).split('\nRequire stack:');
    return [`${sentence?.trimEnd().replace(/\.$/, '')}. ${advice}`, ...lists].join('\nRequire stack:');
  } catch {
    return message;
  }
}

/** The message of an error, or the text of any other thrown value. @param {unknown} thrown @returns {string} */
function messageOf(thrown) {
  if (typeof thrown === 'object' && thrown !== null)
    return text(() => /** @type {any} */ (thrown).message, MAX_MESSAGE) || messageOfList(thrown);
  if (typeof thrown === 'function') return '';
  return text(() => (thrown === undefined || thrown === null ? '' : String(thrown)), MAX_MESSAGE);
}

/**
 * The messages in the list of an AggregateError, or its code: a refused connection to a name with several addresses has no
 * message of its own.
 * @param {object} thrown
 */
function messageOfList(thrown) {
  const messages = text(() => {
    const { errors } = /** @type {any} */ (thrown);
    return errors
      .slice(0, MAX_CAUSES)
      .map((/** @type {any} */ error) => error.message)
      .join('; ');
  }, MAX_MESSAGE);
  return messages || (thrown instanceof Error ? text(() => /** @type {any} */ (thrown).code, 200) : '');
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

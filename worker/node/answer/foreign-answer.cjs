/**
 * Owns the lines in a call's log about an answer that was written for another platform, or with keys that are not read: the
 * native contract sends it, but not as its author meant it. The answer itself never changes.
 */
'use strict';
const { contentType, isJson } = require('./answer-rules.cjs');
const { isNear } = require('../failure/near-name.cjs');

const ENCODED_TWICE = 'body is JSON text already, which was encoded as JSON once more';

/** The keys of other frameworks' answers, in lower case, and what is read instead. @type {Map<string, 'statusCode' | 'body'>} */
const FOREIGN_KEYS = new Map([
  ['status', 'statusCode'],
  ['code', 'statusCode'],
  ['data', 'body'],
  ['text', 'body'],
  ['json', 'body'],
]);
const KEYS = /** @type {const} */ (['statusCode', 'headers', 'body']);
/** How many keys of an answer are looked at, and the longest that may be a mistyped one. */
const MAX_KEYS = 20;
const MAX_KEY_LENGTH = 12;

/**
 * @param {any} value what the handler returned, already rendered
 * @param {[string, string][]} headers of the answer
 * @param {string} name of the function
 * @returns {string[]} sentences without a full stop
 */
function foreignAnswerHints(value, headers, name) {
  const signs = signsOfLambda(value);
  const encodedTwice = isEncodedTwice(value, headers);
  if (encodedTwice && signs.length > 0) signs.unshift(`its ${ENCODED_TWICE} (return the object itself)`);
  if (signs.length > 0)
    return [
      `this answer looks like one for AWS Lambda: ${signs.join('; ')}. ` +
        `The contract "lambda" understands such answers: POST /config/${name} {"contract":"lambda"}`,
    ];
  const hints = encodedTwice
    ? [
        `the answer's ${ENCODED_TWICE}: return the object itself (code for AWS Lambda needs contract "lambda")`,
      ]
    : [];
  for (const [meant, key] of misnamedKeys(value))
    hints.push(`the answer's key "${key}" is not read; use "${meant}"`);
  return hints;
}

/**
 * The keys that stand in the place of one that is read and that the answer does not have. At most one for each of these.
 * @param {any} value
 * @returns {Map<string, string>} what is read → what is written
 */
function misnamedKeys(value) {
  /** @type {Map<string, string>} */
  const found = new Map();
  let looks = 0;
  for (const key in value) {
    if ((looks += 1) > MAX_KEYS) break;
    const meant = key.length > MAX_KEY_LENGTH ? undefined : meantKey(key);
    if (meant === undefined || found.has(meant)) continue;
    if (value[meant] !== undefined || value[key] === undefined) continue;
    // A "code" without a number is a code of the author's own.
    if (FOREIGN_KEYS.get(key.toLowerCase()) === 'statusCode' && !Number.isInteger(value[key])) continue;
    found.set(meant, key);
  }
  return found;
}

/** The key that is read and that another one resembles. @param {string} key @returns {string | undefined} */
function meantKey(key) {
  const plain = key.replace(/[-_ ]/g, '').toLowerCase();
  return FOREIGN_KEYS.get(plain) ?? KEYS.find((one) => one !== key && isNear(plain, one.toLowerCase()));
}

/** Parts of an answer that only AWS Lambda reads. @param {any} value @returns {string[]} */
function signsOfLambda(value) {
  const signs = [];
  if (value.isBase64Encoded === true) signs.push('its "isBase64Encoded" was not read, so the text was sent');
  if (Array.isArray(value.cookies)) signs.push('its "cookies" were not sent');
  if (typeof value.multiValueHeaders === 'object' && value.multiValueHeaders !== null)
    signs.push('its "multiValueHeaders" were not sent');
  return signs;
}

/**
 * Whether the body is a text of JSON that was encoded as JSON again. Authors who know other frameworks write that too, so it is no
 * sign of AWS Lambda by itself.
 * @param {any} value
 * @param {[string, string][]} headers
 */
function isEncodedTwice(value, headers) {
  const type = contentType(headers);
  return typeof value.body === 'string' && type !== undefined && isJson(type) && isJsonText(value.body);
}

/** @param {string} text @returns {boolean} whether the text is a JSON object or array */
function isJsonText(text) {
  if (!/^[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

module.exports = { foreignAnswerHints };

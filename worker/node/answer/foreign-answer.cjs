/**
 * Owns the line in a call's log about an answer that was written for another platform: the native contract sends it, but
 * not as its author meant it. The answer itself never changes.
 */
'use strict';
const { contentType, isJson } = require('./answer-rules.cjs');

const ENCODED_TWICE = 'body is JSON text already, which was encoded as JSON once more';

/**
 * @param {any} value what the handler returned, already rendered
 * @param {[string, string][]} headers of the answer
 * @param {string} name of the function
 */
function warnOfForeignAnswer(value, headers, name) {
  const signs = signsOfLambda(value);
  const encodedTwice = isEncodedTwice(value, headers);
  if (encodedTwice && signs.length > 0) signs.unshift(`its ${ENCODED_TWICE} (return the object itself)`);
  if (signs.length > 0)
    process.stderr.write(
      `glambdar: this answer looks like one for AWS Lambda: ${signs.join('; ')}. ` +
        `The contract "lambda" understands such answers: POST /config/${name} {"contract":"lambda"}\n`,
    );
  else if (encodedTwice)
    process.stderr.write(
      `glambdar: the answer's ${ENCODED_TWICE}: return the object itself (code for AWS Lambda needs contract "lambda")\n`,
    );
  else if (value.statusCode === undefined && Number.isInteger(value.status))
    process.stderr.write(
      `glambdar: the answer's key "status" is not read: a handler answers with "statusCode", "headers" and "body"\n`,
    );
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

module.exports = { warnOfForeignAnswer };

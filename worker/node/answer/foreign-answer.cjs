/**
 * Owns the line in a call's log about an answer that was written for another platform: the native contract sends it, but
 * not as its author meant it. The answer itself never changes.
 */
'use strict';
const { contentType, isJson } = require('./answer-rules.cjs');

/**
 * @param {any} value what the handler returned, already rendered
 * @param {[string, string][]} headers of the answer
 * @param {string} name of the function
 */
function warnOfForeignAnswer(value, headers, name) {
  const seen = signsOfLambda(value, headers);
  if (seen.length > 0)
    process.stderr.write(
      `glambdar: this answer looks like one for AWS Lambda: ${seen.join('; ')}. ` +
        `The contract "lambda" understands such answers: POST /config/${name} {"contract":"lambda"}\n`,
    );
  else if (value.statusCode === undefined && Number.isInteger(value.status))
    process.stderr.write(
      `glambdar: the answer's key "status" is not read: a handler answers with "statusCode", "headers" and "body"\n`,
    );
}

/** @param {any} value @param {[string, string][]} headers @returns {string[]} */
function signsOfLambda(value, headers) {
  const signs = [];
  const type = contentType(headers);
  if (typeof value.body === 'string' && type !== undefined && isJson(type) && isJsonText(value.body))
    signs.push(
      'its body is JSON text already, which was encoded as JSON once more (return the object itself)',
    );
  if (value.isBase64Encoded === true) signs.push('its "isBase64Encoded" was not read, so the text was sent');
  if (Array.isArray(value.cookies)) signs.push('its "cookies" were not sent');
  if (typeof value.multiValueHeaders === 'object' && value.multiValueHeaders !== null)
    signs.push('its "multiValueHeaders" were not sent');
  return signs;
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

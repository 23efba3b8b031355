/** Owns the `glambdar` contract: `exports.handler = async (req, context) => ({ statusCode, headers, body })`. */
'use strict';
const { HANDLER_DEFAULT_OR_FETCH } = require('../exports.cjs');
const { createContext, createRequest } = require('../request.cjs');
const { renderResponse } = require('../response.cjs');

const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;

/** @type {import('../contract.cjs').Contract} */
module.exports = {
  lookUp: HANDLER_DEFAULT_OR_FETCH,

  call({ handler, name, memoryMb }, message, body, signal) {
    return handler(createRequest(message, body), createContext(message, name, memoryMb, signal));
  },

  render(value, { name }, maxBytes, tell) {
    const rendered = renderResponse(value, maxBytes);
    if ('statusCode' in rendered) tellOfAnswer(value, rendered.headers, name, tell);
    return rendered;
  },
};

/**
 * Writes into the log what its author should know of an answer.
 * @param {any} value
 * @param {[string, string][]} headers as they are sent
 * @param {string} name of the function
 * @param {(hint: string) => void} tell
 */
function tellOfAnswer(value, headers, name, tell) {
  try {
    if (mayBeMistaken(value))
      require('../answer/foreign-answer.cjs').foreignAnswerHints(value, headers, name).forEach(tell);
  } catch {
    // The answer is the user's object: listing its keys may throw. It has been read for the caller already.
  }
}

/**
 * Whether an answer has a key that is not read, or a text that may be JSON already. Cheap, because every answer passes here.
 * @param {any} value
 */
function mayBeMistaken(value) {
  for (const key in value) if (key !== 'statusCode' && key !== 'headers' && key !== 'body') return true;
  if (typeof value.body !== 'string') return false;
  const first = value.body.charCodeAt(0);
  return first === OPENING_BRACE || first === OPENING_BRACKET;
}

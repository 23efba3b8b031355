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

  render(value, { name }, maxBytes) {
    const rendered = renderResponse(value, maxBytes);
    if ('statusCode' in rendered && mayBeForeign(value))
      require('../answer/foreign-answer.cjs').warnOfForeignAnswer(value, rendered.headers, name);
    return rendered;
  },
};

/** Whether an answer may be written for another platform. Cheap, because every answer passes here. @param {any} value */
function mayBeForeign(value) {
  if (typeof value.body === 'string') {
    const first = value.body.charCodeAt(0);
    if (first === OPENING_BRACE || first === OPENING_BRACKET) return true;
  }
  return (
    value.isBase64Encoded !== undefined ||
    value.cookies !== undefined ||
    value.multiValueHeaders !== undefined ||
    value.status !== undefined
  );
}

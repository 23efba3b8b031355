/** Owns the `glambdar` contract: `exports.handler = async (req, context) => ({ statusCode, headers, body })`. */
'use strict';
const { HANDLER_OR_DEFAULT } = require('../exports.cjs');
const { createContext, createRequest } = require('../request.cjs');
const { renderResponse } = require('../response.cjs');

/** @type {import('../contract.cjs').Contract} */
module.exports = {
  lookUp: HANDLER_OR_DEFAULT,

  call({ handler, name, memoryMb }, message, body, signal) {
    return handler(createRequest(message, body), createContext(message, name, memoryMb, signal));
  },

  render: renderResponse,
};

/** Owns the `faas` contract: `module.exports = (context, cb)`, where `context` is the request's JSON and `cb` answers. */
'use strict';
const { HANDLER_OR_DEFAULT } = require('../exports.cjs');
const { parseBody } = require('../request.cjs');
const { renderResponse } = require('../response.cjs');

const EMPTY = Buffer.alloc(0);

/** @type {import('../contract.cjs').Contract} */
module.exports = {
  lookUp: HANDLER_OR_DEFAULT,

  call({ handler }, _message, body) {
    const context = parseBody(body.toString('utf8'), {});
    return new Promise((resolve, reject) => {
      // The promise takes the first call of the callback and ignores the others.
      const cb = (/** @type {unknown} */ value) => resolve({ body: value === undefined ? EMPTY : value });
      // Only the callback answers: what the handler returns says nothing, what it throws fails the call.
      Promise.resolve(handler(context, cb)).catch(reject);
    });
  },

  render: (value, _fn, maxBytes) => renderResponse(value, maxBytes),
};

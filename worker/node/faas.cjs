/** Owns the `faas` contract: `module.exports = (context, cb)`, put behind the native handler's shape. */
'use strict';

/**
 * @param {Function} user called with the parsed body and a callback whose first call wins
 * @returns {(req: { rawBody: Buffer, json(): Promise<unknown> }) => Promise<{ body: unknown }>}
 */
function adaptFaas(user) {
  return async (req) => {
    const context = req.rawBody.length === 0 ? {} : await req.json();
    return new Promise((resolve, reject) => {
      const answer = (/** @type {unknown} */ value) =>
        resolve(value === undefined ? { body: Buffer.alloc(0) } : { body: value });
      // A rejection or a synchronous throw fails the call; a plain return value says nothing, only cb answers.
      Promise.resolve(user(context, answer)).catch(reject);
    });
  };
}

module.exports = { adaptFaas };

/**
 * Owns the `lambda` contract, AWS Lambda's behind a function URL: `exports.handler = async (event, context, callback)`, where
 * `event` has the payload format 2.0 and the handler's value is a proxy result.
 */
'use strict';
const { HANDLER_OR_DEFAULT } = require('../exports.cjs');
const { createLambdaContext } = require('../lambda/lambda-context.cjs');
const { createEvent } = require('../lambda/lambda-event.cjs');
const { renderResult } = require('../lambda/lambda-result.cjs');
const { installEnvironment } = require('../lambda/lambda-environment.cjs');
const { answerOfStream, isStreaming } = require('../lambda/response-stream.cjs');

/** @type {import('../contract.cjs').Contract} */
module.exports = {
  lookUp: HANDLER_OR_DEFAULT,

  prepare: installEnvironment,

  call({ handler, name, memoryMb }, message, body, _signal, whenEmpty) {
    const event = createEvent(message, body, name);
    return new Promise((resolve, reject) => {
      let isAnswered = false;
      /** The first answer counts: of the callback, of the context's old methods, or of the handler's promise. */
      const settle = (/** @type {unknown} */ error, /** @type {unknown} */ value, waits = false) => {
        if (isAnswered) return;
        isAnswered = true;
        if (error !== undefined && error !== null) reject(error);
        else if (waits) whenEmpty(() => resolve(value));
        else resolve(value);
      };
      const context = createLambdaContext(message, name, memoryMb, settle);
      if (isStreaming(handler)) {
        answerOfStream(handler, event, context, message.maxResponseBytes).then(
          (answer) => settle(null, answer),
          (error) => reject(error),
        );
        return;
      }
      const returned = handler(event, context, (/** @type {unknown} */ error, /** @type {unknown} */ value) =>
        settle(error, value, context.callbackWaitsForEmptyEventLoop),
      );
      // Without a promise only the callback answers: old proxies return objects that are no answers.
      if (typeof returned?.then === 'function')
        returned.then(
          (/** @type {unknown} */ value) => settle(null, value),
          (/** @type {unknown} */ error) =>
            settle(error ?? new Error('the handler rejected without a reason'), null),
        );
    });
  },

  render: (value, _fn, maxBytes) => renderResult(value, maxBytes),
};

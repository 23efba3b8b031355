/** Owns what a function written for AWS Lambda finds in its process before it is loaded: variables and the global `awslambda`. */
'use strict';
const { HttpResponseStream, streamifyResponse } = require('./response-stream.cjs');

/**
 * Sets the variables that libraries recognise Lambda by. The function's own `env` wins.
 * @param {import('../protocol.cjs').LoadMessage} message
 * @param {string} root absolute path of the function's folder
 */
function installEnvironment({ name, memoryMb, handler, env }, root) {
  const variables = {
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: name,
    LAMBDA_TASK_ROOT: root,
    _HANDLER: handler ?? 'index.handler',
  };
  for (const [key, value] of Object.entries(variables))
    if (!Object.hasOwn(env, key)) process.env[key] = value;
  Object.defineProperty(globalThis, 'awslambda', {
    value: { streamifyResponse, HttpResponseStream },
    configurable: true,
    writable: true,
  });
}

module.exports = { installEnvironment };

/** Owns the second argument of a `lambda` handler. */
'use strict';

/** @typedef {import('../protocol.cjs').InvokeMessage} InvokeMessage */

/** The address of a function in the form of AWS. There is no account and no region here. @param {string} name */
function functionArn(name) {
  return `arn:aws:lambda:${process.env['AWS_REGION'] ?? 'us-east-1'}:000000000000:function:${name}`;
}

/**
 * @param {InvokeMessage} message
 * @param {string} name
 * @param {number} memoryMb
 * @param {(error: unknown, value?: unknown) => void} settle answers at once
 */
function createLambdaContext(message, name, memoryMb, settle) {
  const endsAt = performance.now() + message.timeoutMs;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: name,
    functionVersion: String(message.version),
    memoryLimitInMB: String(memoryMb),
    logGroupName: process.env['AWS_LAMBDA_LOG_GROUP_NAME'] ?? `/aws/lambda/${name}`,
    logStreamName: process.env['AWS_LAMBDA_LOG_STREAM_NAME'] ?? name,
    invokedFunctionArn: functionArn(name),
    awsRequestId: message.invocationId,
    clientContext: undefined,
    identity: undefined,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(endsAt - performance.now())),
    done: (/** @type {unknown} */ error, /** @type {unknown} */ value) => settle(error, value),
    succeed: (/** @type {unknown} */ value) => settle(null, value),
    fail: (/** @type {unknown} */ error) =>
      settle(error ?? new Error('context.fail was called without an error')),
  };
}

module.exports = { createLambdaContext };

/**
 * Owns hints about a module that has loaded, or whose handler is missing: what it does while it loads, and for whom its handler
 * was written. Only what is certain.
 */
'use strict';
const { activeHandles, isListening, serverHint } = require('./open-handles.cjs');
const { missingAwait } = require('./missing-await.cjs');

/** How much of a handler's source is read: its parameters. */
const HEAD_LENGTH = 300;
/** The second parameter where it is an answer to write to. */
const ANSWER_NAME = /^(?:async\s+)?(?:function\b[^(]*)?\(\s*\w+\s*,\s*(?:res|response|reply)\s*[,)]/;

/**
 * @param {Function} handler of the native contract
 * @returns {string[]} sentences without a full stop
 */
function hintsOfHandler(handler) {
  const source = Function.prototype.toString.call(handler);
  if (ANSWER_NAME.test(source.slice(0, HEAD_LENGTH)))
    return [
      'the handler writes to its second parameter, as in Express; here it gets (req, context) and returns its answer, { statusCode, headers, body }. Apps of frameworks run through their adapters for AWS Lambda, with contract "lambda"',
    ];
  if (handler.length > 2)
    return [
      'the handler takes three parameters, but gets two, (req, context). A handler for AWS Lambda, (event, context, callback), needs contract "lambda"',
    ];
  const unawaited = missingAwait(source);
  return unawaited === null ? [] : [unawaited];
}

/** @returns {string | null} a sentence without a full stop when the module listens for connections */
function hintOfServer() {
  const server = activeHandles().find(isListening);
  return server === undefined ? null : serverHint(server, 'the code', ' while it loads');
}

module.exports = { hintsOfHandler, hintOfServer };

/**
 * Owns the `cloudfunc` contract: the function is an image with an HTTP server, whose loopback this container shares. A call
 * is a `POST /run` to it, and a call with a path of its own a request for that path.
 */
'use strict';
const { renderResponse } = require('../response.cjs');

/** What a call without a path of its own runs. */
const RUN = '/run';

/** @type {import('../contract.cjs').Contract} */
module.exports = {
  async load({ env }) {
    const port = Number(env['PORT']);
    const { exchange, untilAccepting } = require('../image-server.cjs');
    await untilAccepting(port);
    return (/** @type {import('../image-server.cjs').ServerRequest} */ request) => exchange(port, request);
  },

  call({ handler }, message, body, signal) {
    const { method, path, query, headers, maxResponseBytes } = message;
    const isRun = method === 'POST' && path === '/';
    return handler({
      method,
      target: (isRun ? RUN : path) + (query === '' ? '' : `?${query}`),
      headers,
      // A copy: the bytes leave after the buffer that holds them is used again.
      body: Buffer.from(body),
      maxBytes: maxResponseBytes,
      signal: signal(),
    });
  },

  render: renderResponse,
};

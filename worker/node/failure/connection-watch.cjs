/**
 * Owns noting a request of the function's that found no way out of the container. Many functions catch such an error, and answer
 * as if the other side were down; without a note nothing would tell their author that there is no network.
 */
'use strict';
const { subscribe } = require('node:diagnostics_channel');

/** The last error since `forgetConnections`. @type {unknown} */
let failed = null;

/** Begins to note failed requests of `fetch` and of `node:http` and `node:https`. */
function watchConnections() {
  for (const channel of ['undici:client:connectError', 'http.client.request.error'])
    subscribe(channel, (message) => {
      failed = /** @type {any} */ (message)?.error ?? null;
    });
}

/** Forgets what was noted: another call begins. */
function forgetConnections() {
  failed = null;
}

/** The error of a request that has failed since `forgetConnections`; null when there is none. */
function failedConnection() {
  return failed;
}

module.exports = { watchConnections, forgetConnections, failedConnection };

/**
 * Owns looking at what keeps the worker's process open: the handles that Node lists, and the servers among them, which nobody can
 * reach. Handles are the user's objects and Node does not document its list, so everything here may throw.
 */
'use strict';

/** The open sockets, servers and programs that keep the process alive. @returns {any[]} */
function activeHandles() {
  return /** @type {any} */ (process)._getActiveHandles();
}

/** @param {any} handle */
function isListening(handle) {
  return handle?.listening === true;
}

/**
 * @param {any} server that listens
 * @param {string} who listens
 * @param {string} [when] with a space before it
 * @returns {string} a sentence without a full stop
 */
function serverHint(server, who, when = '') {
  const port = server.address?.()?.port;
  return `${who} listens${port === undefined ? '' : ` on port ${port}`}${when}, where nobody can reach it; a function does not listen: it exports a handler, which is called for every request`;
}

module.exports = { activeHandles, isListening, serverHint };

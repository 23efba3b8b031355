/**
 * Owns the HTTP server of an image that shares this container's loopback: waiting until it accepts connections, and one
 * exchange with it. Whatever it answers is hostile: nothing of it is kept beyond the limits, and no redirect is followed.
 */
'use strict';
const http = require('node:http');
const net = require('node:net');
const { BROKEN_OFF } = require('./protocol.cjs');
const { BadResponse } = require('./response.cjs');

const HOST = '127.0.0.1';
/** Servers of small programs listen after some 50 ms; a server that takes seconds need not be asked 200 times a second. */
const FIRST_PAUSE_MS = 5;
const LATER_PAUSE_MS = 50;
const FIRST_TRIES = 200;

/**
 * @typedef {object} ServerRequest
 * @property {string} method
 * @property {string} target path and query
 * @property {[string, string][]} headers without `host`, `content-length` and hop-by-hop headers
 * @property {Buffer} body
 * @property {number} maxBytes no more than a byte beyond this is read of the answer's body
 * @property {AbortSignal} signal aborting it ends the exchange
 *
 * @typedef {{ statusCode: number, headers: [string, string][], body: Buffer }} ServerAnswer
 */

/**
 * The server ended the connection before it had answered. The host looks whether the image's program has ended, too, and
 * then says so instead.
 */
class BrokenOff extends BadResponse {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = BROKEN_OFF;
  }
}

/**
 * Resolves when something accepts connections on the port. Never gives up: the host does, by ending this process.
 * @param {number} port
 */
async function untilAccepting(port) {
  for (let tries = 0; !(await accepts(port)); tries += 1) {
    const pauseMs = tries < FIRST_TRIES ? FIRST_PAUSE_MS : LATER_PAUSE_MS;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ host: HOST, port });
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/**
 * Sends one request on a connection of its own.
 * @param {number} port
 * @param {ServerRequest} request
 * @returns {Promise<ServerAnswer>} rejects with BadResponse for what is no whole HTTP answer
 */
function exchange(port, { method, target, headers, body, maxBytes, signal }) {
  return new Promise((resolve, reject) => {
    // A list of headers, so that repeated ones stay as they are; with it Node adds none of its own.
    const list = [
      ...['Host', `localhost:${port}`, 'Connection', 'close', 'Content-Length', String(body.length)],
      ...headers.flat(),
    ];
    const options = { host: HOST, port, method, path: target, headers: list, agent: false, signal };
    const request = http.request(/** @type {any} */ (options));
    request.on('error', (error) => reject(described(error, port)));
    // Also for an upgrade of the protocol, which nobody asked for.
    request.on('close', () => reject(brokenOff(port)));
    request.on('response', (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      let bytes = 0;
      const done = () => {
        const { statusCode = 0, rawHeaders } = response;
        resolve({ statusCode, headers: pairs(rawHeaders), body: Buffer.concat(chunks) });
      };
      response.on('error', () => reject(brokenOff(port)));
      response.on('data', (chunk) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes <= maxBytes) return;
        // More than may be sent: it is refused for its size, and the rest is not read.
        done();
        request.destroy();
      });
      response.on('end', done);
    });
    request.end(body);
  });
}

/** @param {string[]} flat names and values in turns @returns {[string, string][]} */
function pairs(flat) {
  /** @type {[string, string][]} */
  const list = [];
  for (let index = 0; index + 1 < flat.length; index += 2)
    list.push([/** @type {string} */ (flat[index]), /** @type {string} */ (flat[index + 1])]);
  return list;
}

/** @param {number} port */
function brokenOff(port) {
  return new BrokenOff(`the image's server on port ${port} broke off the connection before it had answered.`);
}

/** @param {any} error @param {number} port */
function described(error, port) {
  const code = String(error?.code);
  if (code === 'HPE_HEADER_OVERFLOW')
    return new BadResponse(`the image's server on port ${port} answered more than 16 KiB of headers.`);
  if (code.startsWith('HPE_'))
    return new BadResponse(`what the image's server on port ${port} answered is not HTTP.`);
  if (code === 'ECONNREFUSED')
    return new BrokenOff(`the image's server on port ${port} accepts no connections any more.`);
  return brokenOff(port);
}

module.exports = { untilAccepting, exchange };

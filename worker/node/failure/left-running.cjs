/**
 * Owns telling an author what a call has left behind when it answered: a container that serves one call ends soon after the
 * answer, and with it timers, requests and programs that nobody waited for; and an error that nobody waited for ends it at
 * once. Nothing here runs between the beginning of a call and its answer.
 *
 * Idle things are no work: kept connections of `fetch`, of HTTP agents and of databases, unreferenced timers, and whatever the
 * module has held since it was loaded.
 */
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { activeHandles, isListening, serverHint } = require('./open-handles.cjs');

// Kept, because functions may replace the global ones. The worker's own writeSync takes what is written while a call runs.
const { setImmediate, setTimeout } = globalThis;
const { writeSync } = fs;

/** How long connections are watched before they count as busy, in milliseconds: an answer that is there already is read meanwhile. */
const WATCH_MS = 10;
const MAX_NAMED = 5;
/** Characters of a line: what it names is the function's choice. */
const MAX_LINE = 1_000;

/**
 * @typedef {{ timers: number, handles: WeakSet<object> }} Held
 * @typedef {Map<object, number>} Traffic bytes that passed each connection so far
 */

/** @param {string} text */
function tell(text) {
  writeSync(2, `glambdar: ${text.slice(0, MAX_LINE)}\n`);
}

/** What keeps this process alive now. @returns {Held} */
function heldNow() {
  return { timers: referencedTimers(), handles: new WeakSet(activeHandles()) };
}

/**
 * Writes a line about what a call has left running, if it has left anything, to the output of the container: the log of
 * the call is closed with its answer.
 * @param {import('node:net').Socket} socket on which the answer leaves
 * @param {Held} before what was held before the call
 */
function tellLeftRunning(socket, before) {
  setImmediate(() => look(socket, before, null));
}

/** @param {import('node:net').Socket} socket @param {Held} before @param {Traffic | null} traffic seen by an earlier look */
function look(socket, before, traffic) {
  try {
    const timers = referencedTimers() - before.timers;
    const handles = activeHandles().filter((handle) => handle !== socket && !before.handles.has(handle));
    if (timers <= 0 && handles.length === 0) return;
    const isSent = socket.writableLength === 0;
    const connections = handles.filter(isConnection);
    if (!isSent || (traffic === null && connections.length > 0)) {
      const seen = new Map(connections.map((connection) => [connection, bytesOf(connection)]));
      // Unreferenced, or the timer would count as one of the call's.
      setTimeout(() => look(socket, before, isSent ? seen : null), WATCH_MS).unref();
      return;
    }
    const servers = handles.filter(isListening);
    for (const server of servers.slice(0, MAX_NAMED)) tell(serverHint(server, 'the function'));
    const left = [
      ...(timers > 0 ? [timers === 1 ? 'a timer' : `${timers} timers`] : []),
      ...handles
        .filter((handle) => !servers.includes(handle))
        .map((handle) => describeHandle(handle, traffic))
        .filter((text) => text !== null),
    ];
    if (left.length === 0) return;
    const named = left.slice(0, MAX_NAMED).join(', ');
    const more = left.length > MAX_NAMED ? ` and ${left.length - MAX_NAMED} more` : '';
    tell(
      `work was still running when the function answered: ${named}${more}. It ends unfinished with the container: await it before you return, or stop it`,
    );
  } catch {
    // The handles cannot be read: there is no hint.
  }
}

/**
 * Writes a line about an error that nobody caught, while no call was under way that could have failed with it.
 * @param {unknown} error
 * @param {string} root absolute path of the function's folder
 */
function tellLateError(error, root) {
  const { name, message, file, line } = require('../error.cjs').serializeError(error, root);
  const place = file === undefined ? '' : ` (${file}${line === undefined ? '' : `:${line}`})`;
  try {
    writeSync(
      2,
      `glambdar: an error that nobody caught ended the process while no call was running: ${name}: ${message}${place}; await what may fail before you return\n`,
    );
  } catch {
    // Nobody reads the output any more.
  }
}

/**
 * How many timers and intervals keep the process alive. Node has no list of them: finding them in the heap, to name their
 * places, takes 60 ms of the processor and more, and noting each when it is set would slow down every function that sets any.
 */
function referencedTimers() {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

/** Whether a handle is a connection that the function has opened. Pipes to a program belong to the program. @param {any} handle */
function isConnection(handle) {
  if (typeof handle.bytesWritten !== 'number' || handle.server) return false;
  return handle.connecting === true || handle.remoteAddress !== undefined;
}

/** @param {any} connection @returns {number} */
function bytesOf({ bytesRead, bytesWritten }) {
  return bytesRead + bytesWritten;
}

/**
 * @param {any} handle
 * @param {Traffic | null} traffic
 * @returns {string | null} null for what is idle
 */
function describeHandle(handle, traffic) {
  if (typeof handle.spawnfile === 'string') {
    // A program that has ended is listed until its handle is closed.
    const hasEnded = handle.exitCode !== null || handle.signalCode !== null;
    return hasEnded ? null : `the program ${path.basename(handle.spawnfile)}`;
  }
  if (!isConnection(handle) || handle.destroyed) return null;
  const request = handle._httpMessage;
  if (request?.method !== undefined && request.protocol !== undefined) {
    // Without the query, which may hold a token.
    const [pathname] = String(request.path).split('?', 1);
    return `the request ${request.method} ${request.protocol}//${request.getHeader('host') ?? request.host}${pathname}`;
  }
  const host = handle._host ?? handle.servername ?? handle.remoteAddress;
  const fetched = fetchedOrigin(handle);
  if (fetched !== null) return `a fetch from ${fetched}`;
  if (handle.connecting) return `a connection to ${host}`;
  const isBusy = handle.writableLength > 0 || traffic?.get(handle) !== bytesOf(handle);
  return isBusy ? `a connection to ${host}` : null;
}

/** The origin that a connection of `fetch` belongs to; null for other connections. @param {any} handle */
function fetchedOrigin(handle) {
  const client = valueOfSymbol(handle, 'client');
  if (client === undefined) return null;
  return valueOfSymbol(client, 'url')?.origin ?? handle.remoteAddress;
}

/** @param {any} object @param {string} description @returns {any} */
function valueOfSymbol(object, description) {
  const symbol = Object.getOwnPropertySymbols(object ?? {}).find((one) => one.description === description);
  return symbol === undefined ? undefined : object[symbol];
}

module.exports = { heldNow, tellLateError, tellLeftRunning };

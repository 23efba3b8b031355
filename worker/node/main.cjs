/**
 * Owns the process of the worker: connecting to the host, saying that the worker is ready, ending with the connection.
 * The process runs inside the container and holds the user's code, too: nothing here protects the host, which checks
 * every message that it receives.
 */
'use strict';
const net = require('node:net');
const { FrameDecoder, PROTOCOL_VERSION, monotonicMs, writeFrame } = require('./protocol.cjs');

/** @typedef {import('./protocol.cjs').HostMessage} HostMessage */

// The socket is named relative to the slot: absolute Unix socket paths end at 107 bytes.
process.chdir(process.env['GLAMBDAR_SLOT'] ?? '/slot');
delete process.env['GLAMBDAR_SLOT'];
const root = `${process.cwd()}/function`;

/** @type {import('./jobs.cjs').Jobs} */
let jobs;
/** @type {import('./warm-up.cjs').WarmUp} */
let warmUp;

const decoder = new FrameDecoder(
  { maxHeaderBytes: 16 * 1024 * 1024, maxBodyBytes: 0xffffffff },
  (header, body) => {
    warmUp.pause();
    jobs.receive(/** @type {HostMessage} */ (header), body);
  },
);
// One buffer for all reads: a new buffer for every read costs 64 KiB that the garbage collector has to free.
const onread = {
  buffer: Buffer.allocUnsafeSlow(64 * 1024),
  /** @param {number} bytes @param {Uint8Array} buffer */
  callback: (bytes, buffer) => {
    decoder.push(/** @type {Buffer} */ (buffer.subarray(0, bytes)), true);
    return true;
  },
};
const socket = net.connect({ path: 's', onread });
socket.on('connect', () => {
  const { version } = process;
  writeFrame(socket, { type: 'ready', protocol: PROTOCOL_VERSION, node: version, clockMs: monotonicMs() });
  // The other modules are loaded after `ready`: meanwhile the host moves the function's code into the slot.
  jobs = require('./jobs.cjs').createJobs(socket, root);
  warmUp = require('./warm-up.cjs').createWarmUp(jobs);
});
// Without the host there is nothing left to do. The host may also close only its half of the connection ('end').
socket.on('end', () => process.exit(0));
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(1));

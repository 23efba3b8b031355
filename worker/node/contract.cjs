/**
 * Owns what a contract is, the calling convention between this worker and a function, and finding a contract by its name.
 * Each contract is one file in `contracts/`, and has one row in the host's table (`src/model/contracts.ts`).
 */
'use strict';

/**
 * @typedef {import('./protocol.cjs').LoadMessage} LoadMessage
 * @typedef {import('./protocol.cjs').InvokeMessage} InvokeMessage
 * @typedef {import('./response.cjs').Rendered} Rendered
 *
 * @typedef {object} LookUp how a contract finds its handler when no `handler` setting names an export
 * @property {string} expected goes into the sentence `<file> has no handler: expected <expected>, found …`
 * @property {(exports: unknown) => unknown} pick gives the handler; a value that is no function means that there is none
 *
 * @typedef {object} LoadedFunction one function, ready to be called
 * @property {Contract} contract
 * @property {Function} handler what the user exported, or the contract's `load` gave
 * @property {string} name
 * @property {number} memoryMb
 *
 * @typedef {object} Contract each has a `lookUp` or a `load`
 * @property {LookUp} [lookUp]
 * @property {(message: LoadMessage) => Promise<Function>} [load]
 *   Gives the handler of a function that is no module in the function's folder. Rejects when there is none.
 * @property {(fn: LoadedFunction, message: InvokeMessage, body: Buffer, signal: () => AbortSignal) => unknown} call
 *   Calls the handler and gives its value, or a promise of it. Throws or rejects with what the handler throws. The memory
 *   of `body` is used again after `call` has returned, so the handler must get a copy of bytes that it may keep. `signal`
 *   makes the AbortSignal of this call when it is first called.
 * @property {(value: unknown) => Rendered | Promise<Rendered>} render
 *   Turns the handler's value into an answer. Throws BadResponse (`response.cjs`) for a value that is no answer.
 */

/**
 * @param {string} name name of a contract in the host's table
 * @returns {Contract}
 */
function findContract(name) {
  return require(`./contracts/${name}.cjs`);
}

module.exports = { findContract };

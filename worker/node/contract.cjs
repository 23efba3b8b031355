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
 * @property {(exports: unknown) => unknown} pick gives the handler, or a value for `adapt`; any other value means that there is none
 * @property {(value: any) => Adapted | undefined} [adapt] takes an export that is no function but can be called by another
 *   convention; gives undefined for any other value
 *
 * @typedef {{ handler: Function, convention: Convention }} Adapted
 *
 * @typedef {object} LoadedFunction one function, ready to be called
 * @property {Convention} contract
 * @property {Function} handler what the user exported, or the contract's `load` gave
 * @property {string} name
 * @property {number} memoryMb
 * @property {boolean} [isNative] whether the handler is called as the native contract has it
 *
 * @typedef {object} Convention
 * @property {(fn: LoadedFunction, message: InvokeMessage, body: Buffer, signal: () => AbortSignal, whenEmpty: (then: () => void) => void) => unknown} call
 *   Calls the handler and gives its value, or a promise of it. Throws or rejects with what the handler throws. The memory
 *   of `body` is used again after `call` has returned, so the handler must get a copy of bytes that it may keep. `signal`
 *   makes the AbortSignal of this call when it is first called. `whenEmpty` has a function called once, when nothing is left
 *   that keeps the process alive; without it the call fails then.
 * @property {(value: any, fn: LoadedFunction, maxBytes: number, tell: (hint: string) => void) => Rendered | Promise<Rendered>} render
 *   Turns the handler's value into an answer. Reads no more than `maxBytes` of a body. Throws BadResponse (`response.cjs`)
 *   for a value that is no answer. `tell` writes a sentence for the author, without a full stop, into the log of the call.
 *
 * @typedef {object} ContractParts each has a `lookUp` or a `load`
 * @property {LookUp} [lookUp]
 * @property {(message: LoadMessage) => Promise<Function>} [load]
 *   Gives the handler of a function that is no module in the function's folder. Rejects when there is none.
 * @property {(message: LoadMessage, root: string) => void} [prepare] runs before the function's modules are loaded
 *
 * @typedef {Convention & ContractParts} Contract
 */

/**
 * @param {string} name name of a contract in the host's table
 * @returns {Contract}
 */
function findContract(name) {
  return require(`./contracts/${name}.cjs`);
}

module.exports = { findContract };

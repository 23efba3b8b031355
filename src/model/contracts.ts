/**
 * Owns the table of the contracts a function may be written for, the calling conventions between worker and user code.
 * A new contract is one row here and one file `worker/<runtime>/contracts/<name>.cjs`, which does what the row says.
 */

/** One contract. */
export interface ContractRow {
  /** The runtime whose worker speaks the contract. */
  runtime: string;
  /** One line for people who choose among the contracts. */
  description: string;
}

const table = {
  glambdar: {
    runtime: 'node',
    description: 'exports.handler = async (req, context) => ({ statusCode, headers, body })',
  },
  faas: {
    runtime: 'node',
    description:
      'module.exports = (context, cb), where context is the JSON of the request and cb(value) answers',
  },
  cloudfunc: {
    runtime: 'node',
    description: 'an image with an HTTP server: POST /run with the request as its body answers',
  },
} as const satisfies Record<string, ContractRow>;

/** The name of a known contract, as the setting `contract` has it. */
export type ContractName = keyof typeof table;

/** Every known contract by its name, in the order in which people read them. */
export const CONTRACTS: Readonly<Record<ContractName, ContractRow>> = table;

/** The names in the table, in its order. */
export const CONTRACT_NAMES = Object.keys(table) as [ContractName, ...ContractName[]];

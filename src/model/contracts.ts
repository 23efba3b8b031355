/**
 * Owns the table of the contracts a function may be written for: the calling conventions between a worker and user code, and
 * those between this server and an image. A new contract of a worker is one row here and one file
 * `worker/<runtime>/contracts/<name>.cjs`, which does what the row says; one of an image is a row and an executor,
 * in `images/`, or, where a worker stands between the server and the image, the pool's.
 */
import { GlambdarError } from '../errors.js';
import type { Source } from './function/source.js';

/** One contract. */
export interface ContractRow {
  /** The kind of source that the contract is for. */
  source: Source['type'];
  /** The runtime whose worker speaks the contract; null where there is no worker. */
  runtime: string | null;
  /** One line for people who choose among the contracts. */
  description: string;
}

const table = {
  glambdar: {
    source: 'bundle',
    runtime: 'node',
    description: 'exports.handler = async (req, context) => ({ statusCode, headers, body })',
  },
  faas: {
    source: 'bundle',
    runtime: 'node',
    description:
      'module.exports = (context, cb), where context is the JSON of the request and cb(value) answers',
  },
  lambda: {
    source: 'bundle',
    runtime: 'node',
    description: "AWS Lambda's (event, context, callback): function-URL event 2.0 in, proxy result out",
  },
  'go-serverless': {
    source: 'image',
    runtime: null,
    description:
      'a container runs once for each call, reads $CONTEXT_PATH/request.json and writes $CONTEXT_PATH/response.json',
  },
  cloudfunc: {
    source: 'image',
    runtime: 'node',
    description: 'a container with an HTTP server, which answers POST /run with JSON',
  },
} as const satisfies Record<string, ContractRow>;

/** The name of a known contract, as the setting `contract` has it. */
export type ContractName = keyof typeof table;

/** Every known contract by its name, in the order in which people read them. */
export const CONTRACTS: Readonly<Record<ContractName, ContractRow>> = table;

/** The names in the table, in its order. */
export const CONTRACT_NAMES = Object.keys(table) as [ContractName, ...ContractName[]];

/** The contract of a function of this kind whose author names none. */
export function defaultContract(source: Source['type']): ContractName {
  return source === 'bundle' ? 'glambdar' : 'go-serverless';
}

/** Throws INVALID_REQUEST when a function with this kind of source cannot have the contract. */
export function assertContractFits(contract: ContractName, source: Source['type']): void {
  if (CONTRACTS[contract].source === source) return;
  const fitting = CONTRACT_NAMES.filter((name) => CONTRACTS[name].source === source);
  const kind = source === 'bundle' ? 'a function deployed as an archive' : 'an image';
  throw new GlambdarError(
    'INVALID_REQUEST',
    `The contract "${contract}" is not for ${kind}; choose ${fitting.map((name) => `"${name}"`).join(' or ')}.`,
  );
}

/** Owns the id of a function: one for each of its lives, so that a function deployed again after a delete is another one. */
import { createHash, randomUUID } from 'node:crypto';

declare const brand: unique symbol;

/** A UUID in lower case, made at the first deploy of a function and kept until the function is deleted. */
export type FunctionId = string & { readonly [brand]: 'FunctionId' };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The id of a function that is deployed for the first time. */
export function createFunctionId(): FunctionId {
  return randomUUID() as FunctionId;
}

/** Whether a value read from a file or a database is the id of a function. */
export function isFunctionId(value: unknown): value is FunctionId {
  return typeof value === 'string' && UUID.test(value);
}

/**
 * The id of a function that a release without ids deployed. Such a release told the lives of a name apart by the time of
 * the first deploy (epoch milliseconds). Both databases and every sidecar hold the two, so the id can be computed from
 * each of them alone and is the same everywhere. The result is a UUID of version 8 (RFC 9562).
 */
export function functionIdOfEarlierRelease(name: string, createdAt: number): FunctionId {
  const bytes = createHash('sha256').update(`${name}\0${createdAt}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
    '-',
  ) as FunctionId;
}

/**
 * Owns reading a request's body as a JSON object of which some members are wanted. Their values are handed over as they were
 * sent: nothing is decoded that need not be.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GlambdarError } from '../../errors.js';
import { JsonTextError, readJsonText } from '../../model/json-text.js';
import type { BodyBudget } from '../answers/body-budget.js';
import { CALL_BODY_VARIABLE, readBody } from './request-body.js';

/** Longer values than this are not decoded. */
const MAX_DECODED_BYTES = 64 * 1024;

export interface JsonBodyOptions {
  maxBodyBytes: number;
  bodies: BodyBudget;
  /** The flow under which the body counts in the budget: a route, because no function is known before the body is read. */
  flow: string;
}

export class JsonMembers {
  readonly #members: ReadonlyMap<string, Buffer>;

  constructor(members: ReadonlyMap<string, Buffer>) {
    this.#members = members;
  }

  /** The JSON text of a member; undefined when there is no such member. */
  text(name: string): Buffer | undefined {
    return this.#members.get(name);
  }

  /** The value of a member that is to be short; undefined when there is no such member. Throws INVALID_REQUEST when it is long. */
  value(name: string): unknown {
    const text = this.#members.get(name);
    if (text === undefined) return undefined;
    if (text.length > MAX_DECODED_BYTES)
      throw new GlambdarError('INVALID_REQUEST', `${name} takes more than ${MAX_DECODED_BYTES} bytes.`);
    return JSON.parse(text.toString()) as unknown;
  }
}

/**
 * Reads the body, whatever its content type, and runs `work` with the wanted members; the body is in the budget until
 * `work` is done. No body, and a value that is no object, have no members. Rejects with INVALID_REQUEST for what is no JSON,
 * and as `readBody` does.
 */
export async function withJsonMembers<T>(
  req: IncomingMessage,
  res: ServerResponse,
  { maxBodyBytes, bodies, flow }: JsonBodyOptions,
  wanted: readonly string[],
  work: (members: JsonMembers) => Promise<T>,
): Promise<T> {
  const body = await readBody(req, res, maxBodyBytes, bodies, flow, CALL_BODY_VARIABLE);
  try {
    return await work(membersOf(body, wanted));
  } finally {
    bodies.give(body.length, flow);
  }
}

function membersOf(body: Buffer, wanted: readonly string[]): JsonMembers {
  if (body.length === 0) return new JsonMembers(new Map());
  try {
    const { members } = readJsonText(body, wanted);
    const found = [...(members ?? [])].map(
      ([name, { start, end }]) => [name, body.subarray(start, end)] as const,
    );
    return new JsonMembers(new Map(found));
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new GlambdarError('INVALID_REQUEST', `The body must be JSON, but ${error.message}.`);
  }
}

/**
 * Owns checking a worker's messages. User code shares the process with the worker and can write anything to the
 * socket, so every field is checked here and copied into fresh objects; nothing else is passed on.
 */
import {
  MAX_STREAM_BYTES,
  ProtocolError,
  type CutBytes,
  type FailureKind,
  type SerializedError,
  type WorkerMessage,
} from '../../../worker/node/protocol.cjs';

const FAILURE_KINDS: readonly FailureKind[] = [
  'function',
  'invalid-body',
  'bad-response',
  'response-too-large',
  'unsettled',
  'uncaught',
];
const MAX_ID = 200;
const MAX_TEXT = 64 * 1024;

/**
 * Unknown JSON → typed message. The body is checked against the type: only `log` and `response` carry one.
 * @throws {ProtocolError} naming the field
 */
export function parseWorkerMessage(header: unknown, body: Buffer): WorkerMessage {
  const fields = record(header, 'header');
  const type = fields['type'];
  if (body.length > 0 && type !== 'log' && type !== 'response')
    throw new ProtocolError(`a ${shown(type)} message carries a body`);
  switch (type) {
    case 'ready':
      return {
        type,
        protocol: integer(fields, 'protocol'),
        node: string(fields, 'node', 100),
        clockMs: integer(fields, 'clockMs'),
      };
    case 'loaded':
    case 'returned':
      return { type, id: id(fields) };
    case 'load-failed':
      return { type, id: id(fields), error: serializedError(fields) };
    case 'log': {
      const stream = fields['stream'];
      if (stream !== 'stdout' && stream !== 'stderr')
        throw new ProtocolError('a log message names no stream');
      if (body.length === 0 || body.length > MAX_STREAM_BYTES)
        throw new ProtocolError(`a log message of ${body.length} bytes`);
      return { type, id: id(fields), stream };
    }
    case 'response':
      return {
        type,
        id: id(fields),
        statusCode: integer(fields, 'statusCode'),
        headers: headerPairs(fields),
        cut: cutBytes(fields),
        peakMemoryKb: integer(fields, 'peakMemoryKb'),
      };
    case 'error': {
      const kind = FAILURE_KINDS.find((known) => known === fields['kind']);
      if (!kind) throw new ProtocolError('an error message of unknown kind');
      return {
        type,
        id: id(fields),
        kind,
        error: serializedError(fields),
        cut: cutBytes(fields),
        peakMemoryKb: integer(fields, 'peakMemoryKb'),
      };
    }
    default:
      throw new ProtocolError(`a message of unknown type ${shown(type)}`);
  }
}

function cutBytes(fields: Record<string, unknown>): CutBytes | undefined {
  if (fields['cut'] === undefined) return undefined;
  const cut = record(fields['cut'], 'cut');
  return { stdout: integer(cut, 'stdout'), stderr: integer(cut, 'stderr') };
}

function serializedError(fields: Record<string, unknown>): SerializedError {
  const error = record(fields['error'], 'error');
  return {
    name: string(error, 'name', MAX_TEXT),
    message: string(error, 'message', MAX_TEXT),
    stack: string(error, 'stack', MAX_TEXT),
    ...(error['file'] === undefined ? {} : { file: string(error, 'file', 4096) }),
    ...(error['line'] === undefined ? {} : { line: integer(error, 'line') }),
  };
}

function headerPairs(fields: Record<string, unknown>): [string, string][] {
  const pairs = fields['headers'];
  if (!Array.isArray(pairs)) throw new ProtocolError('headers is not a list');
  return pairs.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new ProtocolError('a header is not a pair');
    const [name, value] = pair as unknown[];
    if (typeof name !== 'string' || typeof value !== 'string')
      throw new ProtocolError('a header is not a pair of strings');
    return [name, value];
  });
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ProtocolError(`${what} is not an object`);
  return value as Record<string, unknown>;
}

function id(fields: Record<string, unknown>): string {
  return string(fields, 'id', MAX_ID);
}

function string(fields: Record<string, unknown>, key: string, max: number): string {
  const value = fields[key];
  if (typeof value !== 'string' || value.length > max)
    throw new ProtocolError(`${key} is not a string of at most ${max} characters`);
  return value;
}

function integer(fields: Record<string, unknown>, key: string): number {
  const value = fields[key];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new ProtocolError(`${key} is not a whole number from 0`);
  return value;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : typeof value;
}

/** Owns the functions that are called, and the one body all calls have. */
import { assertOk, requestBytes, type Answer } from './http-connection.js';

/** Small JSON, the same for the server and for every floor. */
export const BODY = '{"name":"Ada","number":42,"list":[1,2,3]}';

/** Answers with what it was sent, parsed and written again. */
export const ECHO = 'exports.handler = async (req) => ({ body: await req.json() });\n';

/** Throws, as user code does. */
export const THROWING = "exports.handler = async () => { throw new Error('on purpose'); };\n";

/** Takes its own container down. */
export const CRASHING = 'exports.handler = async () => { process.exit(3); };\n';

/** Reused containers, as many as there are callers, on a core each if there is one. */
export const REUSED = { isolation: 'function', cpus: 1 };

/** Answers at the time it is told, in epoch milliseconds. */
export const WAITING =
  'exports.handler = async (req) => {\n' +
  '  const { until } = await req.json();\n' +
  '  await new Promise((resolve) => setTimeout(resolve, until - Date.now()));\n' +
  '  return {};\n' +
  '};\n';

/** Throws unless the body came back. */
export function assertEcho(answer: Answer): Answer {
  if (assertOk(answer).body.length !== BODY.length)
    throw new Error(`the echo was ${answer.body.toString().slice(0, 300)}`);
  return answer;
}

/** The bytes of a call of this function. */
export function callOf(name: string): Buffer {
  return requestBytes('POST', `/invoke/${name}`, BODY);
}

/**
 * Owns a function's answer as a JSON text that can stand inside another one. What the function sent passes as it is: it is
 * read once to see that it is JSON, and neither decoded nor encoded anew.
 */
import { isUtf8 } from 'node:buffer';
import { GlambdarError } from '../../errors.js';
import type { CallResponse } from '../../model/call/call.js';
import { JsonTextError, readJsonText } from '../../model/json-text.js';

/**
 * JSON of a function as it is; any other text, an empty one too, as a JSON string. Throws BAD_RESPONSE for bytes that are no
 * text, and for what calls itself JSON and is not, or is nested too deeply.
 */
export function embeddedAnswer({ body, headers }: Pick<CallResponse, 'body' | 'headers'>): Buffer {
  try {
    const { start, end } = readJsonText(body).value;
    return body.subarray(start, end);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
    const isText = isUtf8(body) && !/nested deeper/.test(error.message);
    if (isText && (body.length === 0 || !/\bjson\b/i.test(type)))
      return Buffer.from(JSON.stringify(body.toString()));
    throw new GlambdarError(
      'BAD_RESPONSE',
      `The function answered ${body.length} bytes that are neither JSON nor text: ${error.message}.`,
    );
  }
}

/** Owns changes as they are written on the command line: `key=value`. */
import { CliError, EXIT } from './cli-error.js';

/** Throws CliError for a text without a key. @param example shown in the error */
export function pairOf(text: string, example = 'memoryMb=256'): [key: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new CliError(`"${text}" is no change; write key=value, such as ${example}.`, EXIT.usage);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Numbers, null, true, false, lists and maps are JSON; all else is text. */
export function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Owns the rule for names of functions, and deriving a name from an uploaded file's name. */
import { GlambdarError } from '../../errors.js';
import { printable } from '../printable.js';

const FUNCTION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * The base name minus its last extension, `my.fn.zip` → `my.fn`; `.tar.gz` counts as one. Browsers and scripts may send a
 * whole path, of either kind of slash. The result is not validated: pass it to `parseFunctionName`.
 */
export function functionNameFromFile(filename: string): string {
  const base = filename.slice(Math.max(filename.lastIndexOf('/'), filename.lastIndexOf('\\')) + 1);
  const dot = /\.tar\.gz$/i.test(base) ? base.length - '.tar.gz'.length : base.lastIndexOf('.');
  return dot > 0 ? base.slice(0, dot) : base;
}

/** Which names functions may have, for the rest of a sentence. */
export const NAME_RULE = '1 to 64 characters of A–Z a–z 0–9 . _ - and starts with a letter or digit';

/** Whether a function may have this name. */
export function isFunctionName(name: string): boolean {
  return FUNCTION_NAME.test(name);
}

/** Any value → a valid name. Throws GlambdarError INVALID_NAME. */
export function parseFunctionName(name: unknown): string {
  // `$` would also match before a final newline in other languages' regexes; in JavaScript it does not.
  if (typeof name === 'string' && FUNCTION_NAME.test(name)) return name;
  const got = typeof name === 'string' ? printable(name) : `a value of type ${typeof name}`;
  throw new GlambdarError(
    'INVALID_NAME',
    `A function name is ${NAME_RULE}, not ${got}. ` + 'Rename the file, or send the field "funcName".',
  );
}

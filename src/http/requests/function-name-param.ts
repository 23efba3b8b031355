/** Owns reading a function's name from a path. */
import { GlambdarError } from '../../errors.js';
import { parseFunctionName } from '../../model/function/function-name.js';

/** The error of docs/api.md for a name that is not deployed. */
export function functionNotFound(): GlambdarError {
  return new GlambdarError('FUNCTION_NOT_FOUND', 'Function not found!');
}

/**
 * The function's name. Throws FUNCTION_NOT_FOUND for a name that no function can have, such as `../../etc` or `a%00b`. The
 * router passes bad percent escapes undecoded, and they end here, too.
 */
export function functionNameParam(name: string | undefined): string {
  try {
    return parseFunctionName(name);
  } catch {
    throw functionNotFound();
  }
}

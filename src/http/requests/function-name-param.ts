/** Owns reading a function's name from a path. */
import { GlambdarError } from '../../errors.js';
import { parseFunctionName } from '../../model/function/function-name.js';

/** What README "HTTP API" says for a name that is not deployed. */
export function functionNotFound(): GlambdarError {
  return new GlambdarError('FUNCTION_NOT_FOUND', 'Function not found!');
}

/**
 * The name, or FUNCTION_NOT_FOUND when no function could be called that: a path names something that exists, so
 * `../../etc` or `a%00b` is simply not there. Bad percent escapes come through the router undecoded and end here too.
 */
export function functionNameParam(name: string | undefined): string {
  try {
    return parseFunctionName(name);
  } catch {
    throw functionNotFound();
  }
}

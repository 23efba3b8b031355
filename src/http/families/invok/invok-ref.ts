/** Owns reading a function's ref from a path of Invok, `<namespace>/<name>`, and who may address a namespace that is not theirs. */
import type { Context } from 'koa';
import { GlambdarError } from '../../../errors.js';
import { isFunctionName, NAME_RULE } from '../../../model/function/function-name.js';
import type { FunctionRef } from '../../../model/function/ref.js';
import { printable } from '../../../model/printable.js';
import { principalOf } from '../../requests/principal.js';

/** Throws INVALID_REQUEST, INVALID_NAME. @param namespace @param name as sent, percent escapes decoded */
export function invokRef(namespace: string, name: string): FunctionRef {
  // A namespace is a directory's name, so it follows the same rule.
  if (!isFunctionName(namespace))
    throw new GlambdarError(
      'INVALID_REQUEST',
      `Invalid namespace: ${printable(namespace)} is not the UUID of a user.`,
    );
  if (!isFunctionName(name))
    throw new GlambdarError(
      'INVALID_NAME',
      `Invalid function name: ${printable(name)}. A name is ${NAME_RULE}.`,
    );
  return { namespace, name };
}

/** Whether the sender acts in the namespace, or sees all of them. */
export function isOwn(ctx: Pick<Context, 'state'>, { namespace }: FunctionRef): boolean {
  const principal = principalOf(ctx);
  return principal.namespace === namespace || principal.role === 'admin';
}

/** The error for a function that is not there, and for one that the sender may not know of. */
export function invokNotFound({ namespace, name }: FunctionRef): GlambdarError {
  return new GlambdarError(
    'FUNCTION_NOT_FOUND',
    `Function not found: Function '${name}' not found in namespace '${namespace}'`,
  );
}

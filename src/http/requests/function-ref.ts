/** Owns which function a path with the parameter `name` means: the one of that name in the namespace of the sender. */
import type { Context } from 'koa';
import type { FunctionRef } from '../../model/function/ref.js';
import { functionNameParam } from './function-name-param.js';
import { namespaceOf } from './principal.js';

/** Throws FUNCTION_NOT_FOUND for a name that no function can have. */
export function refOfRequest(ctx: Context & { params: Record<string, string> }): FunctionRef {
  return { namespace: namespaceOf(ctx), name: functionNameParam(ctx.params['name']) };
}

/** Owns who sends a request while accounts are off: the operator of this machine. */
import type { Middleware } from 'koa';
import { OPERATOR } from '../../model/principal.js';
import type { PrincipalState } from '../requests/principal.js';

export function operator(): Middleware {
  return (ctx, next) => {
    (ctx.state as PrincipalState).principal = OPERATOR;
    return next();
  };
}

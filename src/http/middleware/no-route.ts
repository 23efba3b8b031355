/** Owns the answer to requests that no route took: 405 with `Allow` where the path is known, else 404. */
import type { Context, Middleware } from 'koa';
import { GlambdarError } from '../../errors.js';

export function noRoute(): Middleware {
  return (ctx) => {
    const { matched = [] } = ctx as { matched?: { methods: string[] }[] };
    const allowed = [...new Set(matched.flatMap(({ methods }) => methods))].sort();
    if (allowed.length === 0)
      throw new GlambdarError('NOT_FOUND', 'There is nothing at this path; GET / lists the routes.');
    methodNotAllowed(ctx, allowed);
  };
}

/** Throws METHOD_NOT_ALLOWED. @param allowed the methods that the path answers, sorted */
export function methodNotAllowed(ctx: Context, allowed: readonly string[]): never {
  ctx.set('Allow', allowed.join(', '));
  throw new GlambdarError('METHOD_NOT_ALLOWED', `This path answers ${allowed.join(', ')} only.`);
}

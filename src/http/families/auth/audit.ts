/** Owns `GET /auth/audit`: the audit log, newest first. */
import Router from '@koa/router';
import type { Accounts } from '../../../accounts/accounts.js';
import { GlambdarError } from '../../../errors.js';
import { sendJson } from '../../answers/send-json.js';
import { needs } from '../../middleware/needs.js';
import { accountsOn } from './accounts-on.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

export interface AuditRoutesDeps {
  /** Null while accounts are off. */
  accounts: Accounts | null;
}

export function auditRoutes({ accounts }: AuditRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.get('/auth/audit', needs('admin'), async (ctx) => {
    const { audit } = accountsOn(accounts);
    const limit = wholeNumber(ctx.query['limit'], 'limit', MAX_LIMIT) ?? DEFAULT_LIMIT;
    const before = wholeNumber(ctx.query['before'], 'before', Number.MAX_SAFE_INTEGER);
    const records = await audit.list({ limit, ...(before !== undefined && { before }) });
    sendJson(
      ctx,
      200,
      records.map(({ at, ...record }) => ({ ...record, at: new Date(at).toISOString() })),
    );
  });
  return router;
}

function wholeNumber(value: string | string[] | undefined, name: string, most: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (typeof value === 'string' && /^\d{1,16}$/.test(value) && number >= 1 && number <= most) return number;
  throw new GlambdarError('INVALID_REQUEST', `"${name}" must be a whole number from 1 to ${most}.`);
}

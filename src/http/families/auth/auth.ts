/** Owns putting `/auth/…` together (docs/accounts.md): its routes and its envelope. */
import type { Family } from '../family.js';
import { auditRoutes } from './audit.js';
import { authEnvelope } from './auth-envelope.js';
import { keysRoutes } from './keys.js';
import { signInRoutes, type SignInDeps } from './sign-in.js';
import { usersRoutes, type UsersRoutesDeps } from './users.js';

export type AuthFamilyDeps = SignInDeps & UsersRoutesDeps;

export function authFamily(deps: AuthFamilyDeps): Family {
  return {
    owns: (_method, path) => path === '/auth' || path.startsWith('/auth/'),
    envelope: authEnvelope,
    calls: [],
    routers: [signInRoutes(deps), usersRoutes(deps), keysRoutes(deps), auditRoutes(deps)],
  };
}

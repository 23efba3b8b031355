/** Owns putting the API of Invok together (docs/api.md): its routes and its envelope. `/auth/…` is a family of its own. */
import type { Family } from '../family.js';
import { INVOK_CALL_ROUTE, invokCall, type InvokCallDeps } from './call.js';
import { invokFunctionsRoutes, type InvokFunctionsDeps } from './functions.js';
import { invokEnvelope } from './invok-envelope.js';
import { invokLogsRoutes, type InvokLogsDeps } from './logs.js';

export type InvokFamilyDeps = InvokCallDeps & InvokFunctionsDeps & InvokLogsDeps;

export function invokFamily(deps: InvokFamilyDeps): Family {
  return {
    owns: (_method, path) => path.startsWith('/invok/'),
    envelope: invokEnvelope,
    calls: [invokCall(deps)],
    callRoutes: [`ANY ${INVOK_CALL_ROUTE}[/…]`],
    routers: [invokFunctionsRoutes(deps), invokLogsRoutes(deps)],
  };
}

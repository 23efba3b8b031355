/** Owns putting the API of the CloudFunc gateway, its registry and its runtime together (docs/api.md). */
import type { Family } from '../family.js';
import { cloudfuncEnvelope } from './cloudfunc-envelope.js';
import { executeRoutes, type ExecuteRoutesDeps } from './execute.js';
import { registryRoutes, type RegistryRoutesDeps } from './functions.js';
import { gatewayRoutes, type GatewayRoutesDeps } from './gateway.js';

export type CloudfuncFamilyDeps = ExecuteRoutesDeps & GatewayRoutesDeps & RegistryRoutesDeps;

const PATHS = ['/execute', '/invoke', '/registerFunction'];
/** Paths that other families answer to other methods. */
const PATHS_TO_READ = ['/functions'];
const FUNCTION = '/function/';

export function cloudfuncFamily(deps: CloudfuncFamilyDeps): Family {
  return {
    owns: (method, path) =>
      PATHS.includes(path) ||
      path.startsWith(FUNCTION) ||
      (PATHS_TO_READ.includes(path) && (method === 'GET' || method === 'HEAD')),
    envelope: cloudfuncEnvelope,
    calls: [],
    routers: [gatewayRoutes(deps), registryRoutes(deps), executeRoutes(deps)],
  };
}

import { MemoryAccountStore } from '../../helpers/memory-account-store.js';
import { MemoryAuditStore } from '../../helpers/memory-audit-store.js';
import { MemoryCallStore } from '../../helpers/memory-call-store.js';
import { MemoryFunctionStore } from '../../helpers/memory-function-store.js';
import { MemoryRouteStore } from '../../helpers/memory-route-store.js';
import { accountStoreContract } from './account-store-contract.js';
import { auditStoreContract } from './audit-store-contract.js';
import { callStoreContract } from './call-store-contract.js';
import { functionStoreContract } from './function-store-contract.js';
import { MemorySecretStore } from '../../helpers/memory-secret-store.js';
import { routeStoreContract } from './route-store-contract.js';
import { secretStoreContract } from './secret-store-contract.js';

functionStoreContract('MemoryFunctionStore', () => new MemoryFunctionStore());
callStoreContract('MemoryCallStore', () => new MemoryCallStore());
accountStoreContract('MemoryAccountStore', () => new MemoryAccountStore());
auditStoreContract('MemoryAuditStore', () => new MemoryAuditStore());
/** A store of functions, and whether a function is in it. */
function knownFunctions() {
  const known = new Set<string>();
  class Functions extends MemoryFunctionStore {
    override async publish(...args: Parameters<MemoryFunctionStore['publish']>) {
      known.add(args[0].version.functionId);
      return super.publish(...args);
    }
    override async remove(...args: Parameters<MemoryFunctionStore['remove']>) {
      known.delete(args[0]);
      return super.remove(...args);
    }
  }
  return { functions: new Functions(), isKnown: (id: string) => known.has(id) };
}

routeStoreContract('MemoryRouteStore', () => {
  const { functions, isKnown } = knownFunctions();
  return { functions, routes: new MemoryRouteStore(isKnown) };
});
secretStoreContract('MemorySecretStore', () => {
  const { functions, isKnown } = knownFunctions();
  return { functions, secrets: new MemorySecretStore(isKnown) };
});

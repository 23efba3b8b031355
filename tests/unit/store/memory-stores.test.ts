import { MemoryCallStore } from '../../helpers/memory-call-store.js';
import { MemoryFunctionStore } from '../../helpers/memory-function-store.js';
import { callStoreContract } from './call-store-contract.js';
import { functionStoreContract } from './function-store-contract.js';

functionStoreContract('MemoryFunctionStore', () => new MemoryFunctionStore());
callStoreContract('MemoryCallStore', () => new MemoryCallStore());

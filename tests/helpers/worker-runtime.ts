/** Owns the runtime `node` for unit tests: the modules of the worker as they stand in the checkout, nothing installed. */
import { join } from 'node:path';
import { InstalledRuntime } from '../../src/runtimes/installed-runtime.js';
import { node } from '../../src/runtimes/node.js';

export const workerRuntime = new InstalledRuntime(
  { ...node, workerFiles: () => ({}) },
  join(import.meta.dirname, '../../worker/node'),
);

/** Owns the runtime `node`: JavaScript run by the worker in `worker/node/`. */
import { fileURLToPath } from 'node:url';
import { bundledModules } from './bundled-modules.js';
import { nodeVariableProblem } from './node-variables.js';
import type { Runtime } from './runtime.js';

/** Its path is the same from `src/runtimes/` and from `dist/src/runtimes/`. */
const workerSource = fileURLToPath(new URL('../../worker/node/', import.meta.url));

export const node: Runtime = {
  name: 'node',
  image: { type: 'node' },
  // The limit of the container decides, not V8's guess of it; the other flag hides the notices of built-ins such as node:sqlite.
  command: (memoryMb) => [
    'node',
    `--max-old-space-size=${memoryMb}`,
    '--disable-warning=ExperimentalWarning',
    '/worker/main.cjs',
  ],
  env: { NODE_ENV: 'production' }, // what functions expect of a deployment; a function's own env wins
  variableProblem: nodeVariableProblem,
  workerFiles: () => ({ 'main.cjs': bundledModules(workerSource) }),
};

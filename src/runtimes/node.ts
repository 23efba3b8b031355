/** Owns the runtime `node`: JavaScript run by the worker in `worker/node/`. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { foreseeEntry } from '../../worker/node/entry.cjs';
import { MAX_MANIFEST_BYTES } from '../model/manifest-size.js';
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
  foreseeEntry: (treeDir, handler) => {
    const manifest = statSync(join(treeDir, 'package.json'), { throwIfNoEntry: false });
    return manifest !== undefined && manifest.size > MAX_MANIFEST_BYTES
      ? null
      : foreseeEntry(treeDir, handler);
  },
  workerFiles: () => ({ 'main.cjs': bundledModules(workerSource) }),
};

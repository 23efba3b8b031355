/** Owns which runtimes there are. Another one is a file beside `node.ts`, a folder in `worker/`, and its row here. */
import { node } from './node.js';
import type { Runtime } from './runtime.js';

/** By name. */
export const runtimes: ReadonlyMap<string, Runtime> = new Map(
  [node].map((runtime) => [runtime.name, runtime]),
);

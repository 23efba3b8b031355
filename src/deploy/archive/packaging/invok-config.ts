/** Owns reading `config.json`, by which an archive of Invok says how its function is called, in which language it is, and its environment. */
import type { PlannedFile } from '../bundle-plan.js';
import { readRootObject } from '../bundle-config.js';
import type { BundleDescription } from './bundle-description.js';
import { invalidEntry } from '../refusals.js';
import type { SourceFiles } from '../source-files.js';

const CONFIG_JSON = 'config.json';

/** How archives name the language that this server runs: `nodejs`, `node22`, `javascript`… */
const JAVASCRIPT = /^(?:node(?:js)?[0-9._x-]*|javascript|js)$/i;

/** An archive without the file says nothing. Throws INVALID_BUNDLE, also for a language that does not run here. */
export function readInvokConfig(files: readonly PlannedFile[], source: SourceFiles): BundleDescription {
  const config = readRootObject(CONFIG_JSON, files, source);
  if (config === undefined) return {};
  const { function_name: name, runtime, env } = config;
  if (name !== undefined && typeof name !== 'string')
    throw invalidEntry(CONFIG_JSON, 'has a "function_name" that is no text. Write the name in quotes.');
  if (runtime !== undefined && runtime !== '' && !(typeof runtime === 'string' && JAVASCRIPT.test(runtime)))
    throw invalidEntry(
      CONFIG_JSON,
      `names the runtime ${JSON.stringify(runtime)?.slice(0, 66)}; this server runs JavaScript, "nodejs", only.`,
    );
  return {
    ...(name !== undefined && name !== '' && { name }),
    ...(env !== undefined && { settings: { env } }),
  };
}

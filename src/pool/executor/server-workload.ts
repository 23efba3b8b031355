/**
 * Owns how an image with an HTTP server looks to the pool: a worker of the runtime `node` that passes calls on, like any
 * worker of the default profile, and beside it the image's own container with the function's limits.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { withoutImage } from '../../model/call/refusal.js';
import { profileKey } from '../../model/function/profile.js';
import { versionKey, type FunctionRecord } from '../../model/function/function.js';
import { DEFAULT_SETTINGS } from '../../model/function/settings.js';
import type { ImageSource } from '../../model/function/source.js';
import { node } from '../../runtimes/node.js';
import type { Workload } from '../workload.js';
import { profileOf } from './function-profile.js';

/** The port of an image that exposes none, or several. */
const DEFAULT_PORT = 5000;

/** @throws GlambdarError CODE_UNAVAILABLE for a function without an image */
export function serverWorkload({ id, ref, active, settings }: FunctionRecord, source: ImageSource): Workload {
  const { digest, ports } = source;
  if (digest === null) throw withoutImage(ref.name);
  const { env, memoryMb, cpus, network, isolation, standby } = settings;
  const port = ports.length === 1 ? ports[0]! : DEFAULT_PORT;
  // The worker only passes bytes on, so it needs no more than any function by default, and a standby will do.
  const own = { memoryMb: DEFAULT_SETTINGS.memoryMb, cpus: DEFAULT_SETTINGS.cpus };
  const profile = profileOf({ ...settings, ...own }, node.name);
  const { cpuSeconds } = profileOf(settings, node.name);
  return {
    flow: id,
    profile,
    profileKey: profileKey(profile),
    code: {
      key: versionKey(active),
      // The worker's contract loads nothing from it; the worker, under a uid of its own, only goes there.
      prepareTree: async (target) => {
        await mkdir(target);
        await chmod(target, 0o755); // whatever the umask
      },
      verifyTree: () => Promise.resolve(),
      load: {
        name: ref.name,
        ...own,
        handler: null,
        contract: settings.contract,
        env: { PORT: String(port) },
      },
      server: { image: { type: 'pinned', digest }, port, env, memoryMb, cpus, cpuSeconds, network },
    },
    reuse: isolation === 'function',
    standby,
  };
}

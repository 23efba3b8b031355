/**
 * Owns turning an uploaded archive into a directory of code: all of it, durable and safe to run, or nothing.
 * Reading it happens in `bundle-thread.ts`; publishing the directory (a rename) and what the config says are the registry's.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { GlambdarError } from '../../errors.js';
import { armedFault } from '../../faults.js';
import type { BundleJob, ExtractedBundle } from './bundle-extract.js';
import type { BundleAnswer, BundleThreadData } from './bundle-thread.js';
import { namedDiskError } from '../../data/disk-error.js';
import { removeTree } from '../../registry/tree.js';

export { digestTree } from '../../registry/tree-digest.js';
export type { ExtractedBundle } from './bundle-extract.js';

const IS_SOURCE = import.meta.url.endsWith('.ts');
const BOOT = new URL('./bundle-thread-boot.mjs', import.meta.url);
const ENTRY = new URL(`./bundle-thread.${IS_SOURCE ? 'ts' : 'js'}`, import.meta.url);

/** Bounds what names and bookkeeping may take; the archive and its contents are outside of it, bounded by the limits. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

export interface ExtractOptions extends BundleJob {
  /** Absolute; must not exist, its parent must, on the file system where it will be published. */
  targetDir: string;
  /** Ends the work at once. */
  signal?: AbortSignal | undefined;
  timeoutMs: number;
}

/**
 * Extracts an archive into `targetDir` and makes every file and directory in it durable (the entry of `targetDir` in its parent is
 * the publisher's). After any failure `targetDir` is gone. Throws GlambdarError BUNDLE_TOO_LARGE, INVALID_BUNDLE (also
 * after `timeoutMs`), DISK_FULL, CANCELLED (or the signal's reason if it is one of ours); other errors are the platform's.
 */
export async function extractBundle(options: ExtractOptions): Promise<ExtractedBundle> {
  const { targetDir, signal } = options;
  throwIfAborted(signal);
  try {
    await mkdir(targetDir);
  } catch (error) {
    throw namedDiskError(error);
  }
  try {
    await chmod(targetDir, 0o755);
    return await runThread(options);
  } catch (error) {
    // A failure here would hide the reason; what stays behind lies in staging, which is emptied at start.
    await removeTree(targetDir).catch(() => undefined);
    throw namedDiskError(error);
  }
}

async function runThread({
  zipPath,
  targetDir,
  limits,
  signal,
  timeoutMs,
}: ExtractOptions): Promise<ExtractedBundle> {
  throwIfAborted(signal);
  const job: BundleThreadData = { zipPath, targetDir, limits, entry: ENTRY.href, fault: armedFault() };
  // Without our flags: `--import=tsx` does nothing in a thread of Node 20, and an inspector would stop it.
  const worker = new Worker(BOOT, { workerData: job, resourceLimits: THREAD_LIMITS, execArgv: [] });
  const ended = new AbortController();
  try {
    const answer = await new Promise<BundleAnswer>((settle, fail) => {
      worker.once('message', settle);
      worker.once('error', (error) => fail(threadError(error)));
      worker.once('exit', (code) =>
        fail(new Error(`the bundle thread ended with code ${code} and no answer`)),
      );
      signal?.addEventListener('abort', () => fail(abortError(signal)), { signal: ended.signal });
      const timer = setTimeout(() => fail(timeoutError(timeoutMs)), timeoutMs);
      ended.signal.addEventListener('abort', () => clearTimeout(timer));
    });
    if (answer.type === 'extracted') return answer.bundle;
    if (answer.type === 'refused') throw new GlambdarError(answer.code, answer.message);
    throw Object.assign(new Error(answer.message), { code: answer.code, stack: answer.stack });
  } finally {
    ended.abort();
    // Resolves once the thread is over: after this nothing writes into the target any more.
    await worker.terminate();
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

function abortError({ reason }: AbortSignal): GlambdarError {
  if (reason instanceof GlambdarError) return reason;
  return new GlambdarError('CANCELLED', 'The deploy was cancelled while its archive was being read.', {
    cause: reason,
  });
}

function timeoutError(timeoutMs: number): GlambdarError {
  const message = `The archive was not unpacked within ${timeoutMs / 1000} s. Make it smaller, or try again later.`;
  return new GlambdarError('INVALID_BUNDLE', message);
}

function threadError(error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') return error;
  const message = 'The archive needs too much memory to read. Leave out what the function does not need.';
  return new GlambdarError('INVALID_BUNDLE', message, { cause: error });
}

/**
 * Owns turning an uploaded archive into a directory of code: all of the code, durable and safe to run, or no directory.
 * The archive is read in a thread (`bundle-thread.ts`). Publishing the directory (a rename) and the meaning of the
 * config are the caller's business.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { GlambdarError } from '../../errors.js';
import { armedFault } from '../../faults.js';
import { namedDiskError } from '../../data/disk-error.js';
import { decodeError } from '../../model/call/error-codec.js';
import { removeTree } from '../../registry/tree.js';
import type { BundleJob, ExtractedBundle } from './bundle-extract.js';
import type { BundleAnswer, BundleThreadData } from './bundle-thread.js';
import type { PackagingName } from './packaging/packaging.js';
import type { SourceFormat } from './readers/source-readers.js';

export type { ExtractedBundle } from './bundle-extract.js';

const IS_SOURCE = import.meta.url.endsWith('.ts');
const BOOT = new URL('./bundle-thread-boot.mjs', import.meta.url);
const ENTRY = new URL(`./bundle-thread.${IS_SOURCE ? 'ts' : 'js'}`, import.meta.url);

/** Bounds the memory of names and bookkeeping. Archive and contents lie outside of V8's heap; the job's limits bound them. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

/** The archive on disk that deployed files come from. */
export interface ArchiveSource {
  format: SourceFormat;
  /** Absolute path. */
  path: string;
  /** What the archive holds beside the code; default: nothing. */
  packaging?: PackagingName | undefined;
}

export interface ExtractOptions extends BundleJob {
  source: ArchiveSource;
  /** Absolute path, on the file system where the directory will be published. Must not exist; its parent must. */
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
    // An error of the removal would hide the first error; a target that stays behind lies in staging, which is emptied at start.
    await removeTree(targetDir).catch(() => undefined);
    throw namedDiskError(error);
  }
}

async function runThread({ signal, timeoutMs, ...job }: ExtractOptions): Promise<ExtractedBundle> {
  throwIfAborted(signal);
  const data: BundleThreadData = { ...job, entry: ENTRY.href, fault: armedFault() };
  // No flags of this process: `--import=tsx` does nothing in a thread of Node 20, and an inspector would stop the thread.
  const worker = new Worker(BOOT, { workerData: data, resourceLimits: THREAD_LIMITS, execArgv: [] });
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
    throw decodeError(answer.error);
  } finally {
    ended.abort();
    // Resolves once the thread has ended: from then on nothing writes into the target.
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

/** Owns the worker thread around `bundle-extract.ts`: one job in `workerData`, one answer. Started by `bundle.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { GlambdarError, type ErrorCode } from '../../errors.js';
import { armFault } from '../../faults.js';
import { extractHere, type BundleJob, type ExtractedBundle } from './bundle-extract.js';

/** What the thread is started with. */
export interface BundleThreadData extends BundleJob {
  /** URL of this module, for `bundle-thread-boot.mjs`. */
  entry: string;
  /** See `faults.ts`. */
  fault: string | null;
}

/** Plain data: an error that is sent between threads loses its class and its `code`, e.g. ENOSPC. */
export type BundleAnswer =
  | { type: 'extracted'; bundle: ExtractedBundle }
  | { type: 'refused'; code: ErrorCode; message: string }
  | { type: 'failed'; code: string | undefined; message: string; stack: string | undefined };

function answerFor(error: unknown): BundleAnswer {
  if (error instanceof GlambdarError) return { type: 'refused', code: error.code, message: error.message };
  const { code, message, stack } = error as NodeJS.ErrnoException;
  return { type: 'failed', code, message, stack };
}

const { fault, ...job } = workerData as BundleThreadData;
armFault(fault);
const answer = await extractHere(job).then(
  (bundle): BundleAnswer => ({ type: 'extracted', bundle }),
  answerFor,
);
parentPort!.postMessage(answer);

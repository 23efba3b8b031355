/** Owns the worker thread around `bundle-extract.ts`: one job in `workerData`, one answer. Started by `bundle.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { armFault } from '../../faults.js';
import { encodeError, type EncodedError } from '../../model/call/error-codec.js';
import { extractHere, type BundleJob, type ExtractedBundle } from './bundle-extract.js';

/** The `workerData` of the thread. */
export interface BundleThreadData extends BundleJob {
  /** URL of this module, for `bundle-thread-boot.mjs`. */
  entry: string;
  /** The fault point at which a test ends the process, or null; see `faults.ts`. */
  fault: string | null;
}

export type BundleAnswer =
  { type: 'extracted'; bundle: ExtractedBundle } | { type: 'failed'; error: EncodedError };

const { fault, ...job } = workerData as BundleThreadData;
armFault(fault);
const answer = await extractHere(job).then(
  (bundle): BundleAnswer => ({ type: 'extracted', bundle }),
  (error: unknown): BundleAnswer => ({ type: 'failed', error: encodeError(error) }),
);
parentPort!.postMessage(answer);

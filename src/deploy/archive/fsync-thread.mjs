/** Owns one helping thread of `fsync-all.ts`: takes its share of the list, then ends. */
import { workerData } from 'node:worker_threads';
import { fsyncShare } from './fsync-share.mjs';

fsyncShare(workerData.paths, workerData.next);

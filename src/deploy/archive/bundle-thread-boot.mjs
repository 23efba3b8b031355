/** Owns loading `bundle-thread` in a worker thread: Node 20 cannot load TypeScript there without help; the build needs none. */
import { workerData } from 'node:worker_threads';

if (workerData.entry.endsWith('.ts')) {
  const { register } = await import('tsx/esm/api');
  register();
}
await import(workerData.entry);

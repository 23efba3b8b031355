/**
 * Owns telling whether something can still happen in a process that Node takes for finished: timers, sockets and child
 * processes that were unreferenced do not keep a process alive, but promises may wait for them.
 */
'use strict';

/** The kinds of libuv handles of which an unreferenced one may still call back. */
const CALLING_BACK = new Set(['timer', 'process', 'tcp', 'udp', 'pipe', 'fs_event', 'fs_poll']);

let waitsAsync = false;

/**
 * Notes from now on whether `Atomics.waitAsync` is used: its timers cannot be told from V8's own, which runs one for seconds
 * after a garbage collection.
 */
function watchAtomics() {
  const { waitAsync } = /** @type {any} */ (Atomics);
  if (typeof waitAsync !== 'function') return;
  Object.defineProperty(Atomics, 'waitAsync', {
    value: {
      waitAsync(/** @type {unknown[]} */ ...args) {
        waitsAsync = true;
        return waitAsync.apply(this, args);
      },
    }.waitAsync,
    configurable: true,
    writable: true,
    enumerable: false,
  });
}

/**
 * How long to wait at least for the next thing that may happen, in milliseconds; null when nothing can happen. Asks for a
 * report of the process, which takes some milliseconds, so only a call that seems to be stuck should ask.
 * @returns {number | null}
 */
function nextUnreferencedMs() {
  /** @type {{ type: string, is_active: boolean, is_referenced: boolean, firesInMsFromNow?: number }[]} */
  const handles = libuvHandles();
  const timers = handles.filter(({ type }) => type === 'timer');
  const pending = handles.filter(
    (handle) =>
      handle.is_active &&
      !handle.is_referenced &&
      CALLING_BACK.has(handle.type) &&
      // All timers of JavaScript are one handle, the first that the process made; the others are V8's.
      (handle.type !== 'timer' || handle === timers[0] || waitsAsync),
  );
  // One pipe is the worker's own connection to the host.
  const ownPipe = pending.findIndex(({ type }) => type === 'pipe');
  if (ownPipe >= 0) pending.splice(ownPipe, 1);
  if (pending.length === 0) return null;
  return Math.max(0, Math.min(...pending.map(({ firesInMsFromNow }) => firesInMsFromNow ?? 0)));
}

/** @returns {any[]} none when there is no report */
function libuvHandles() {
  const report = /** @type {any} */ (process.report);
  const { excludeNetwork } = report;
  try {
    // With the network the report asks for the name of every peer, and waits for the answers.
    report.excludeNetwork = true;
    return report.getReport().libuv;
  } catch {
    return [];
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

module.exports = { nextUnreferencedMs, watchAtomics };

/**
 * Owns telling calls that their caller has gone. All calls on one connection have the same signal. The signal gets one
 * listener for all of them: adding and removing a listener per call costs more than the rest of a call's bookkeeping.
 */

/** Who wants to know that the caller has gone. An object, because every closure on a call's way costs each call. */
export interface Watcher {
  /** Called once, when the signal aborts. */
  departed(): void;
}

/** Key of the watchers on the signal itself. */
const watching = Symbol('watchers');
type Watched = AbortSignal & { [watching]?: Watcher[] };

/** Tells the watcher when the signal, not aborted yet, aborts. */
export function watchDeparture(signal: AbortSignal, watcher: Watcher): void {
  const watched = signal as Watched;
  const known = watched[watching];
  if (known !== undefined) {
    known.push(watcher);
    return;
  }
  const watchers = (watched[watching] = [watcher]);
  signal.addEventListener(
    'abort',
    () => {
      // Who is told may end the watch of others.
      for (const each of [...watchers]) if (watchers.includes(each)) each.departed();
    },
    { once: true },
  );
}

/** Ends the watch. May be called more than once, and when there was none. */
export function unwatchDeparture(signal: AbortSignal, watcher: Watcher): void {
  const watchers = (signal as Watched)[watching];
  const index = watchers?.indexOf(watcher) ?? -1;
  if (index >= 0) watchers!.splice(index, 1);
}

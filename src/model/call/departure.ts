/**
 * Owns telling calls that their caller has gone. All calls on one connection have the same signal. The signal gets one
 * listener for all of them: adding and removing a listener per call costs more than the rest of a call's bookkeeping.
 */

const waiting = Symbol('callbacks');
type Watched = AbortSignal & { [waiting]?: Set<() => void> };

/** Calls back when the signal, not aborted yet, aborts. The returned function cancels the callback. */
export function onDeparture(signal: AbortSignal, callback: () => void): () => void {
  const watched = signal as Watched;
  let callbacks = watched[waiting];
  if (callbacks === undefined) {
    const all = (callbacks = watched[waiting] = new Set());
    signal.addEventListener(
      'abort',
      () => {
        for (const each of all) each();
      },
      { once: true },
    );
  }
  callbacks.add(callback);
  const all = callbacks;
  return () => void all.delete(callback);
}

/** Owns doing long synchronous work in slices, so that the event loop gets its turn in between. */
import { setImmediate as nextTurn } from 'node:timers/promises';

const SLICE_MS = 2;

/** A slice begins now. `over`: time to call `next`, which resolves after a turn of the event loop, when another slice begins. */
export function createSlice() {
  let end = performance.now() + SLICE_MS;
  return {
    over: () => performance.now() > end,
    async next() {
      await nextTurn();
      end = performance.now() + SLICE_MS;
    },
  };
}

/** Owns doing long synchronous work in slices, so that the event loop gets its turn in between. */
import { setImmediate as nextTurn } from 'node:timers/promises';

const SLICE_MS = 2;

/** When `over` is true, await `next`: it waits a turn of the event loop and begins another slice. */
export interface Slice {
  over(): boolean;
  next(): Promise<void>;
}

/** Begins a slice of 2 ms. */
export function createSlice(): Slice {
  let end = performance.now() + SLICE_MS;
  return {
    over: () => performance.now() > end,
    async next() {
      await nextTurn();
      end = performance.now() + SLICE_MS;
    },
  };
}

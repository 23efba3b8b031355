/** Owns the errors of a worker that could not be used, went away, or did not load its code in time. */
import type { ExitState } from '../driver/driver.js';

/** Why a worker could not be used. `exit` is set when the container has ended. */
export class InstanceFailure extends Error {
  readonly exit: ExitState | undefined;
  /** What the container wrote to its own stderr, past the console; V8 reports a full heap there. Set where it is known. */
  stderr = '';
  constructor(message: string, options: { exit?: ExitState | undefined; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'InstanceFailure';
    this.exit = options.exit;
  }
}

/** The function's modules were not loaded within the limit. */
export class LoadTimeout extends Error {
  readonly timeoutMs: number;
  constructor(timeoutMs: number) {
    super(`loading took longer than ${timeoutMs} ms`);
    this.name = 'LoadTimeout';
    this.timeoutMs = timeoutMs;
  }
}

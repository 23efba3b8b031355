/** Owns the error of a worker that could not be used, or went away. */
import type { ExitState } from '../driver/driver.js';

/** Why a worker could not be used. `exit` is set when the container has ended. */
export class InstanceFailure extends Error {
  readonly exit: ExitState | undefined;
  constructor(message: string, options: { exit?: ExitState | undefined; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'InstanceFailure';
    this.exit = options.exit;
  }
}

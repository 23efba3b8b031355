/** Owns the error that ends a start: the data directory cannot be used as it is. */

/** Its message is one sentence for the operator, the fault and the remedy. `main.ts` prints it and exits. */
export class StartupError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StartupError';
  }
}

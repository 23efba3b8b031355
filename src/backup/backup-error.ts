/** Owns the error of a backup or a restore that cannot be made. */

/** Its message is one sentence for the operator: the fault and the remedy. */
export class BackupError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BackupError';
  }
}

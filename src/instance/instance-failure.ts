/** Owns the errors of a worker that could not be used, went away, or did not load its code in time. */
import type { ContainerOutput, ExitState } from '../driver/driver.js';

/** Why an image could not be used whose program the runtime could not start, for the rest of a sentence. */
export const NO_PROGRAM =
  'it could not be started; check that the image has an ENTRYPOINT or CMD, and that this program can be run';

export interface InstanceFailureOptions {
  exit?: ExitState | undefined;
  cause?: unknown;
}

/** Why a worker, or the image beside it, could not be used. `exit` is set when the container has ended. */
export class InstanceFailure extends Error {
  readonly exit: ExitState | undefined;
  /** What the container wrote past the console, or the image printed: V8 reports a full heap there. Set where it is known. */
  output: ContainerOutput | undefined;
  constructor(message: string, options: InstanceFailureOptions = {}) {
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

/** The HTTP server of an image did not accept connections within the limit. */
export class ServerTimeout extends LoadTimeout {
  readonly port: number;
  constructor(timeoutMs: number, port: number) {
    super(timeoutMs);
    this.name = 'ServerTimeout';
    this.port = port;
  }
}

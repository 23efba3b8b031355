/** Owns that a check leaves nothing behind, also when somebody ends the program in the middle of it. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const INTERRUPTED = 130;

/**
 * Does the work, then cleans up, once. A signal meanwhile begins the clean-up at once and then ends the process; a second signal
 * ends the process without waiting for the clean-up.
 * @param cleanUp may be called while the work goes on
 */
export async function withCleanUp<T>(work: () => Promise<T>, cleanUp: () => Promise<void>): Promise<T> {
  let cleaning: Promise<void> | undefined;
  const cleanUpOnce = (): Promise<void> => (cleaning ??= cleanUp().catch(() => undefined));
  let isInterrupted = false;
  const interrupt = (): void => {
    if (isInterrupted) process.exit(INTERRUPTED);
    isInterrupted = true;
    void cleanUpOnce().finally(() => process.exit(INTERRUPTED));
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await work();
  } finally {
    await cleanUpOnce();
    // After a signal the result of the work is no finding. The handler of the signal ends the process.
    if (isInterrupted) await new Promise(() => undefined);
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

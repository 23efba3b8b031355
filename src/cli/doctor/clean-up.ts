/** Owns that a check leaves nothing behind, also when somebody ends the program in the middle of it. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const INTERRUPTED = 130;

/**
 * Does the work, then cleans up once. A signal meanwhile cleans up at once and ends the process; a second signal ends it without.
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
    // What the work says after a signal is no finding: the handler ends the process.
    if (isInterrupted) await new Promise(() => undefined);
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

/** Owns Ctrl-C in commands that go on until somebody ends them. */

/** Aborted at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function interrupted(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}

/** Owns the server's log: JSON lines on stderr, so that stdout carries only what a person or script waits for. */
import { pino } from 'pino';

export type Logger = Pick<
  import('pino').Logger,
  'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'flush'
>;

/** @param level pino's: trace, debug, info, warn, error, fatal, silent */
export function createLogger(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}

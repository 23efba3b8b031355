/** Owns the server's log: JSON lines on stderr, so that stdout carries only the line that a person or script waits for. */
import { writeSync } from 'node:fs';
import { pino } from 'pino';

export type Logger = Pick<
  import('pino').Logger,
  'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'flush'
>;

/** How often a full pipe is tried again, and the pause between tries: its reader may only be slow. */
const TRIES = 100;
const PAUSE_MS = 10;

/**
 * Makes the log. When the log cannot be written (its disk is full, its reader has gone), lines are lost and the server goes on.
 * @param level a level of pino: trace, debug, info, warn, error, fatal, silent
 */
export function createLogger(level: string): Logger {
  // Not pino's own destination, which keeps lines that it could not write, and throws from `fatal`.
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write: writerTo(2) });
}

function writerTo(fd: number): (line: string) => void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  /** Tries for the next line: 0 after the reader has failed to read a line in time, until it reads again. */
  let tries = TRIES;
  return (line) => {
    const bytes = Buffer.from(line);
    let left = tries;
    for (let at = 0; at < bytes.length;) {
      try {
        at += writeSync(fd, bytes, at);
        left = tries = TRIES;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
        if (left-- === 0) {
          tries = 0;
          return;
        }
        Atomics.wait(never, 0, 0, PAUSE_MS);
      }
    }
  };
}

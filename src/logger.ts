/**
 * Owns the server's log: lines on stderr, so that stdout carries only the line that a person or script waits for. Lines are
 * JSON, or sentences where a person watches.
 */
import { writeSync } from 'node:fs';
import { pino } from 'pino';
import { lineForPeople } from './terminal.js';

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
 * @param format `people`: a line with the time, the level where it is no `info`, and the message with what belongs to it
 */
export function createLogger(
  level: string,
  format: 'json' | 'people' = 'json',
  write: (text: string) => void = writeLine,
): Logger {
  // Not pino's own destination, which keeps lines that it could not write, and throws from `fatal`.
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    {
      write: format === 'json' ? write : (line: string) => write(readable(line)),
    },
  );
}

/** Writes whole lines to stderr as the log does, in their order. What cannot be written is lost. */
export const writeLine: (text: string) => void = writerTo(2);

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace: ',
  20: 'debug: ',
  40: 'warning: ',
  50: 'error: ',
  60: 'error: ',
};

/** A line of pino's as a sentence for people. */
function readable(json: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(json) as {
    level: number;
    time: string;
    msg?: string;
    err?: { message?: string };
  };
  const details = Object.entries(rest).map(
    ([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const cause = err?.message === undefined ? '' : `: ${err.message}`;
  const more = details.length === 0 ? '' : ` (${details.join(', ')})`;
  return lineForPeople(`${LEVELS[level] ?? ''}${msg ?? ''}${cause}${more}`, new Date(time));
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

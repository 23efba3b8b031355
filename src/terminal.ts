/**
 * Owns the words of the server to people who watch its terminal: a line for each deploy, failed calls with their reason and
 * the last lines of their logs, and refused requests counted. Programs that read the server's output get its log instead.
 */
import type { Clock } from './clock.js';
import type { ErrorCode, Fault } from './errors.js';
import type { CallRecord } from './model/call/call.js';

/** What a server tells about as it happens. */
export interface ServerEvents {
  /** A version of a function is in force, or has other settings. @param name as clients see it */
  deployed(name: string, version: number): void;
  /** A call has ended, however it ended. */
  called(record: CallRecord): void;
  /** A request was answered with an error before, or without, any call. */
  refused(error: { code: ErrorCode; fault: Fault; status: number }): void;
}

/** Refusals of this time are counted in one line, and at most so many failed calls are shown by themselves. */
const WINDOW_MS = 5_000;
const MAX_FAILED_CALLS = 20;
/** Lines of a failed call's log that are shown, and characters of each. */
const MAX_LOG_LINES = 5;
const MAX_LINE = 300;

export class Terminal implements ServerEvents {
  readonly #write: (text: string) => void;
  readonly #clock: Clock;
  /** The versions told last, by the name of their function. */
  readonly #versions = new Map<string, number>();
  readonly #refused = new Map<ErrorCode, number>();
  #failed = 0;
  #isCounting = false;

  /** @param write takes whole lines */
  constructor(write: (text: string) => void, clock: Clock) {
    this.#write = write;
    this.#clock = clock;
  }

  deployed(name: string, version: number): void {
    if (this.#versions.get(name) === version) return;
    this.#versions.set(name, version);
    this.#line(`${name}: version ${version} is in force`);
  }

  called({ funcName, outcome, status, durationMs, error, stdout, stderr }: CallRecord): void {
    if (error === null || outcome === 'cancelled') return;
    this.#failed += 1;
    this.#count();
    if (this.#failed > MAX_FAILED_CALLS) return;
    this.#line(`${funcName} failed with ${status} after ${Math.round(durationMs)} ms: ${error.message}`);
    for (const line of lastLines(stdout + (stdout === '' || stdout.endsWith('\n') ? '' : '\n') + stderr))
      this.#write(`           | ${shown(line)}\n`);
  }

  refused({ code, fault, status }: { code: ErrorCode; fault: Fault; status: number }): void {
    // A function's failure in a call is told by the call. A client that has gone was not refused.
    if ((fault === 'function' && status !== 422) || code === 'CANCELLED' || code === 'INVALID_BODY') return;
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
    this.#count();
  }

  /** Begins to count, unless it does so already. */
  #count(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    this.#clock.after(WINDOW_MS, () => this.#tell());
  }

  #tell(): void {
    const total = [...this.#refused.values()].reduce((sum, count) => sum + count, 0);
    const codes = [...this.#refused].map(([code, count]) => `${count} ${code}`).join(', ');
    if (total > 0) this.#line(`refused ${total} ${total === 1 ? 'request' : 'requests'}: ${codes}`);
    if (this.#failed > MAX_FAILED_CALLS) this.#line(`${this.#failed - MAX_FAILED_CALLS} more calls failed`);
    this.#refused.clear();
    this.#failed = 0;
    this.#isCounting = false;
  }

  #line(text: string): void {
    this.#write(lineForPeople(text));
  }
}

/** A line that begins with the time of day. What it quotes cannot steer the terminal. */
export function lineForPeople(text: string, at = new Date()): string {
  return `${at.toTimeString().slice(0, 8)}  ${shown(text)}\n`;
}

function lastLines(text: string): string[] {
  return text
    .slice(-MAX_LOG_LINES * MAX_LINE * 4)
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .slice(-MAX_LOG_LINES);
}

/** Functions and clients choose these texts: control characters are left out, and long lines are cut. */
function shown(text: string): string {
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
  return plain.length > MAX_LINE ? `${plain.slice(0, MAX_LINE)}…` : plain;
}

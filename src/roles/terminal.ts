/**
 * Owns the words of the server to people who watch its terminal: a line for each deploy, failed calls with their reason and
 * the last lines of their logs, refused deploys, and counts of failures and refusals that come often. What `glambdar doctor` tries
 * is told only when it fails. Programs that read the server's output get its log instead.
 */
import type { Clock } from '../clock.js';
import type { ErrorCode, Fault } from '../errors.js';
import { lineForPeople, shown } from '../logger.js';
import type { CallRecord } from '../model/call/call.js';
import { isProbeName } from '../model/function/probe-name.js';

/** What a server tells about as it happens. */
export interface ServerEvents {
  /** A version of a function is in force, or has other settings. @param name as clients see it */
  deployed(name: string, version: number): void;
  /** A function is gone. @param name as clients see it */
  deleted(name: string): void;
  /** A call has ended, however it ended. */
  called(record: CallRecord): void;
  /** A request was answered with an error before, or without, any call. */
  refused(error: Refusal): void;
}

/** The error that a request was answered with. */
export interface Refusal {
  code: ErrorCode;
  fault: Fault;
  status: number;
  message: string;
}

/** Refusals and further failures of this time are counted. */
const WINDOW_MS = 5_000;
/** At most so many failed calls, and refused deploys, are shown by themselves in one window: of one function, and of all. */
const MAX_SHOWN_OF_ONE = 3;
const MAX_SHOWN = 20;
/** Functions whose failures are counted by themselves in one window. */
const MAX_COUNTED = 10;
/** Lines of a failed call's log that are shown, and characters of each. */
const MAX_LOG_LINES = 5;
const MAX_LINE = 300;

/** Refusals that say what is wrong with somebody's code: they are told at once. */
const ABOUT_CODE: ReadonlySet<ErrorCode> = new Set(['LOAD_FAILED', 'INVALID_BUNDLE', 'INSTALL_FAILED']);

/** Refusals or failures of one kind in a window. */
interface Tally {
  count: number;
  /** How many of them had a line of their own. */
  told: number;
  /** The sentence about the last one. */
  last: string;
}

export class Terminal implements ServerEvents {
  readonly #write: (text: string) => void;
  readonly #clock: Clock;
  /** The versions told last, by the name of their function. */
  readonly #versions = new Map<string, number>();
  /** Refused requests of the window, by their code. */
  readonly #refused = new Map<ErrorCode, Tally>();
  /** Failed calls of the window, by the name of their function. */
  readonly #failed = new Map<string, Tally>();
  /** How many lines about one failed call or refused deploy the window has had. */
  #told = 0;
  #hasWindow = false;

  /** @param write takes whole lines */
  constructor(write: (text: string) => void, clock: Clock) {
    this.#write = write;
    this.#clock = clock;
  }

  deployed(name: string, version: number): void {
    if (isProbeName(name) || this.#versions.get(name) === version) return;
    this.#versions.set(name, version);
    this.#line(`${name}: version ${version} is in force`);
  }

  deleted(name: string): void {
    if (isProbeName(name)) return;
    this.#versions.delete(name);
    this.#line(`${name} was deleted`);
  }

  called(record: CallRecord): void {
    const { funcName, outcome, status, durationMs, error, stdout, stderr } = record;
    if (error === null || outcome === 'cancelled') return;
    this.#begin();
    const failures = tally(this.#failed, funcName, error.message);
    if (failures.told >= MAX_SHOWN_OF_ONE || this.#told >= MAX_SHOWN) return;
    failures.told += 1;
    this.#told += 1;
    const call = record.method === null ? '' : ` (${record.method} ${record.path})`;
    this.#line(
      `${funcName} failed with ${status} after ${Math.round(durationMs)} ms${call}: ${error.message}`,
    );
    for (const line of lastLines(stdout + (stdout === '' || stdout.endsWith('\n') ? '' : '\n') + stderr))
      this.#write(`           | ${shown(line)}\n`);
  }

  refused({ code, fault, status, message }: Refusal): void {
    // A function's failure in a call is told by the call. A client that has gone was not refused.
    if ((fault === 'function' && status !== 422) || code === 'CANCELLED' || code === 'INVALID_BODY') return;
    this.#begin();
    if (ABOUT_CODE.has(code) && this.#told < MAX_SHOWN) {
      this.#told += 1;
      this.#line(`a deploy was refused: ${message}`);
    } else tally(this.#refused, code, message);
  }

  /** Begins a window, unless there is one. */
  #begin(): void {
    if (this.#hasWindow) return;
    this.#hasWindow = true;
    this.#clock.after(WINDOW_MS, () => this.#end());
  }

  /** Ends the window with what had no line of its own. */
  #end(): void {
    for (const [code, { count, last }] of mostFrequent(this.#refused))
      this.#line(
        count === 1
          ? `refused a request (${code}): ${last}`
          : `refused ${count} requests (${code}), the last one: ${last}`,
      );
    const hidden = mostFrequent(this.#failed).filter(([, { count, told }]) => count > told);
    for (const [name, { count, last }] of hidden.slice(0, MAX_COUNTED)) {
      const times = count === 1 ? 'once' : `${count} times`;
      this.#line(`${name} failed ${times} in ${WINDOW_MS / 1_000} s, the last time: ${last}`);
    }
    if (hidden.length > MAX_COUNTED)
      this.#line(`calls of ${hidden.length - MAX_COUNTED} more functions failed, too`);
    this.#refused.clear();
    this.#failed.clear();
    this.#told = 0;
    this.#hasWindow = false;
  }

  #line(text: string): void {
    this.#write(lineForPeople(text));
  }
}

/** Counts one more of a kind. @param last the sentence about it */
function tally<K>(tallies: Map<K, Tally>, key: K, last: string): Tally {
  const kind = tallies.get(key) ?? { count: 0, told: 0, last };
  tallies.set(key, kind);
  kind.count += 1;
  kind.last = last;
  return kind;
}

function mostFrequent<K>(tallies: ReadonlyMap<K, Tally>): [K, Tally][] {
  return [...tallies].sort(([, one], [, other]) => other.count - one.count);
}

function lastLines(text: string): string[] {
  return text
    .slice(-MAX_LOG_LINES * MAX_LINE * 4)
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .slice(-MAX_LOG_LINES);
}

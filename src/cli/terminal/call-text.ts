/**
 * Owns a call's record as people read it: time, start, status, ms, method and path in one line, then what the call printed; of a
 * failed call what it printed last.
 */
import { isRemark, type CallRecord } from '../api/function-info.js';
import { styled } from './output.js';
import { routesAsCommands } from './routes-as-commands.js';
import { safeLine, safeText } from './safe-text.js';
import { timeText } from './time-text.js';

/** @param withName names the function, too, where calls of several are shown */
export function callText(record: CallRecord, withName: boolean): string {
  const failed = record.outcome !== 'ok';
  const head = [
    timeText(record.invokedAt),
    ...(withName ? [safeLine(record.funcName)] : []),
    (record.start ?? '-').padEnd(7),
    styled(failed ? 'red' : 'green', String(record.status)),
    `${record.durationMs.toFixed(1)} ms`,
    // An older server does not tell them, and keeps null for calls that it recorded before it did.
    ...(record.method && record.path ? [safeLine(`${record.method} ${record.path}`)] : []),
    ...(failed ? [styled('red', safeLine(record.outcome))] : []),
  ].join('  ');
  return [head, ...outputLines(record)].join('\n');
}

/** Lines of a failed call that are shown where nobody asked for its log, and characters of each. */
const MAX_LINES = 40;
const MAX_LINE = 1_000;

/**
 * What a call printed last, with hints and its stack: for people who did not ask for the whole log.
 * @param told a sentence that they have read already
 */
export function lastOutput(record: CallRecord, told: unknown): string[] {
  const error = errorText(record.error) === told ? null : record.error;
  const lines = outputLines({ ...record, error }, MAX_LINE);
  const left = lines.length - MAX_LINES;
  if (left <= 0) return lines;
  return [`  … ${left} more ${left === 1 ? 'line' : 'lines'} before`, ...lines.slice(-MAX_LINES)];
}

/** Whether the function itself has printed something. */
export function hasPrinted({ stdout, stderr }: CallRecord): boolean {
  return stdout !== '' || stderr.split('\n').some((line) => line !== '' && !isRemark(line));
}

/** The hints of the server in the log of a call, as they are shown. */
export function remarkLines(remarks: string[]): string[] {
  return linesOf(remarks.join('\n')).map((line) =>
    styled('yellow', line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line),
  );
}

/** @param longest characters of a line; the rest of it is left out */
function outputLines({ stdout, stderr, error }: CallRecord, longest = Infinity): string[] {
  const lines = (text: string): string[] =>
    linesOf(text).map((line) => (line.length > longest ? `${line.slice(0, longest)}…` : line));
  return [
    ...lines(stdout).map((line) => `  ${line}`),
    ...lines(stderr).map((line) => `  ${styled('yellow', line)}`),
    ...lines(errorText(error)).map((line) => `  ${styled('red', line)}`),
  ];
}

function linesOf(text: string): string[] {
  const safe = safeText(text).replace(/\n$/, '');
  if (safe === '') return [];
  return safe.split('\n').map((line) => (isRemark(line) ? routesAsCommands(line) : line));
}

function errorText(error: unknown): string {
  if (error === null || error === undefined) return '';
  if (typeof error === 'string') return error;
  const { message, stack } = error as { message?: unknown; stack?: unknown };
  const told = [stack, message].find((text) => typeof text === 'string' && text !== '');
  return typeof told === 'string' ? told : JSON.stringify(error);
}

/**
 * Owns a call's record as people read it: time, start, status, ms, method and path in one line, then what the call printed; of a
 * failed call what it printed last.
 */
import type { CallRecord } from '../api/function-info.js';
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

/** What a call printed last, with hints and its stack: for people who did not ask for the whole log. */
export function lastOutput(record: CallRecord): string[] {
  const lines = outputLines(record, MAX_LINE);
  const left = lines.length - MAX_LINES;
  if (left <= 0) return lines;
  return [`  … ${left} more ${left === 1 ? 'line' : 'lines'} before`, ...lines.slice(-MAX_LINES)];
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
  // Hints of the server; all other lines are the function's own.
  return safe.split('\n').map((line) => (line.startsWith('glambdar: ') ? routesAsCommands(line) : line));
}

function errorText(error: unknown): string {
  if (error === null || error === undefined) return '';
  if (typeof error === 'string') return error;
  const { message, stack } = error as { message?: unknown; stack?: unknown };
  const told = [stack, message].find((text) => typeof text === 'string' && text !== '');
  return typeof told === 'string' ? told : JSON.stringify(error);
}

/** Owns a call's record as people read it: time, start, status, ms, method and path in one line, then what it printed. */
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
  const lines = [
    ...linesOf(record.stdout).map((line) => `  ${line}`),
    ...linesOf(record.stderr).map((line) => `  ${styled('yellow', line)}`),
    ...linesOf(errorText(record.error)).map((line) => `  ${styled('red', line)}`),
  ];
  return [head, ...lines].join('\n');
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

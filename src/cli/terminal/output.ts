/** Owns what a command prints: results on stdout, what happens meanwhile on stderr, colours only where a terminal shows them. */
import { styleText } from 'node:util';
import { asTyped } from '../own-name.js';
import { safeJson } from './safe-text.js';

export type Style = Parameters<typeof styleText>[0];

/** The text in a style, where stdout is a terminal with colours and NO_COLOR is not set. */
export function styled(style: Style, text: string): string {
  return hasColors(process.stdout) ? styleText(style, text, { validateStream: false }) : text;
}

/** A result: text for people, or the same as JSON for programs. */
export function printResult(json: boolean, value: unknown, text: () => string): void {
  const shown = json ? safeJson(value) : text();
  if (shown !== '') process.stdout.write(`${shown}\n`);
}

/** A line about what is being done. It is no result, so it goes to stderr. Commands in backticks stand as this user types them. */
export function say(line: string): void {
  process.stderr.write(`${asTyped(line)}\n`);
}

/** Whether the stream is a terminal that shows colours; Node heeds NO_COLOR, FORCE_COLOR and TERM. */
export function hasColors(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && stream.hasColors();
}

/** Owns what a command prints: results on stdout, what happens meanwhile on stderr, colours only where a terminal shows them. */
import { styleText } from 'node:util';
import { asTyped } from '../own-name.js';
import { safeJson, safeText } from './safe-text.js';

export type Style = 'red' | 'green' | 'yellow';

/** The text in a style, where stdout is a terminal with colours and NO_COLOR is not set. */
export function styled(style: Style, text: string): string {
  return hasColors(process.stdout) ? styleText(style, text, { validateStream: false }) : text;
}

/** The colours of `styled`: red, green, yellow, and their end. */
const OWN_COLORS = /(\u001b\[(?:31|32|33|39)m)/;
const EVERY_COLOR = new RegExp(OWN_COLORS, 'g');

/** The text without a control character but those of `styled`: a server may have sent parts of it. */
export function safeStyled(text: string): string {
  return text
    .split(OWN_COLORS)
    .map((part, index) => (index % 2 === 1 ? part : safeText(part)))
    .join('');
}

/** A result: text for people, or the same as JSON for programs. */
export function printResult(json: boolean, value: unknown, text: () => string): void {
  const shown = json ? safeJson(value) : safeStyled(text());
  if (shown !== '') process.stdout.write(`${shown}\n`);
}

/** A line about what is being done. It is no result, so it goes to stderr. Commands in backticks stand as this user types them. */
export function say(line: string): void {
  tell(asTyped(line));
}

/** As `say`, for a line in which nothing is ours, such as one that a function printed. */
export function tell(line: string): void {
  const shown = safeStyled(line);
  // `styled` has asked stdout; stderr may be a file, in which no colour belongs.
  process.stderr.write(`${hasColors(process.stderr) ? shown : shown.replaceAll(EVERY_COLOR, '')}\n`);
}

/** Whether the stream is a terminal that shows colours; Node heeds NO_COLOR, FORCE_COLOR and TERM. */
export function hasColors(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && stream.hasColors();
}

/** Owns making foreign text harmless for a terminal: what a function prints may not move the cursor or hide text. */

/** Control characters but tab and newline, line separators, and characters that reverse the direction of writing. */
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** The text with every unsafe character shown as an escape such as `\x1b`. Tabs and newlines stay. */
export function safeText(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(UNSAFE, escapeOf);
}

/** As `safeText`, on one line: newlines and tabs are escapes, too. */
export function safeLine(text: string): string {
  return safeText(text).replace(/[\n\t]/g, (character) => (character === '\n' ? '\\n' : '\\t'));
}

/** JSON of the value in which no unsafe character stands unescaped. @param indent 0 = on one line */
export function safeJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu,
    unicodeEscape,
  );
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(character);
}

function unicodeEscape(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}

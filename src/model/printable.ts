/** Owns quoting foreign text inside a sentence: without invisible characters, and not too long. */

const MAX_LENGTH = 80;

/**
 * The text in double quotes, cut to 80 characters, with control, format, unassigned and line-breaking
 * characters as escapes, so that it can neither move a terminal's cursor nor reverse what follows it.
 */
export function printable(text: string): string {
  const shown = [...text.slice(0, 2 * MAX_LENGTH)].slice(0, MAX_LENGTH).join('');
  const escaped = shown.replace(/[\p{C}\p{Zl}\p{Zp}"]/gu, (character) =>
    character === '"' ? '\\"' : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
  return `"${escaped}${shown.length < text.length ? '…' : ''}"`;
}

/** Owns how the path of a client's request stands in the record of its call: printable, bounded, and without the query, which may hold secrets. */

/** Characters of a path that are kept. */
export const MAX_PATH_CHARACTERS = 256;

/**
 * The path as the client sent it, with every byte that is not visible ASCII percent-encoded.
 * @param target the request's target in origin form, one character for each byte, as Node gives it
 */
export function visiblePath(target: string): string {
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  return path.replaceAll(
    /[^\x21-\x7e]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** The first characters of a path; `…` stands for the others. */
export function shortPath(path: string): string {
  return path.length <= MAX_PATH_CHARACTERS ? path : `${path.slice(0, MAX_PATH_CHARACTERS)}…`;
}

/** Owns how large the `package.json` of a bundle may be to be read. */

/**
 * Bytes. A larger one is not parsed: the text of 100 MB that a small archive can hold takes more memory than V8 has, which ends the
 * whole process, and parsing it would hold up all calls.
 */
export const MAX_MANIFEST_BYTES = 2 ** 20;

/** Owns finding one of the extra fields behind the name in a zip header: `u16 id | u16 length | data`, one after another. */

/** The data of the first field with this id; undefined when no such field comes before the list ends or is broken. */
export function findExtraField(extra: Buffer, id: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length) return undefined;
    if (extra.readUInt16LE(at) === id) return extra.subarray(at + 4, end);
    at = end;
  }
  return undefined;
}

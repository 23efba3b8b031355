/** Owns the records of a pax header, which describe the next member of a tar archive: `<length> <key>=<value>\n`, one after another. */
import type { GlambdarError } from '../../../../errors.js';
import { invalidArchive } from '../../refusals.js';

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const EQUALS = 0x3d;

/**
 * Reads all records. Throws INVALID_BUNDLE for records that do not fill the content exactly, and for a key that has two
 * different values, of which programs take different ones.
 */
export function readPaxRecords(content: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < content.length;) {
    const space = content.subarray(at, at + 12).indexOf(SPACE);
    const digits = space === -1 ? '' : content.toString('latin1', at, at + space);
    const end = /^[1-9]\d*$/.test(digits) ? at + Number(digits) : Infinity;
    if (end > content.length || content[end - 1] !== LINE_FEED) throw damagedRecords();
    const record = content.subarray(at + space + 1, end - 1);
    const equals = record.indexOf(EQUALS);
    if (equals < 1) throw damagedRecords();
    const key = record.toString('latin1', 0, equals);
    const value = record.subarray(equals + 1);
    if (records.get(key)?.equals(value) === false) throw damagedRecords();
    records.set(key, value);
    at = end;
  }
  return records;
}

/** The records do not have one meaning. */
export function damagedRecords(): GlambdarError {
  return invalidArchive('The tar archive has a pax header that is damaged or ambiguous. Make it again.');
}

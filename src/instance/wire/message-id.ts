/**
 * Owns ids of messages to workers. User code shares the process that receives a message, so nobody must be able to tell the id
 * of a later one: it could answer in its place.
 */
import { randomBytes } from 'node:crypto';

const DIGITS = 32;
/** To ask for random bytes with every message took 4 to 5 % of a warm call. */
const IDS_AT_ONCE = 256;

let digits = '';
let used = 0;

/** 128 random bits as hexadecimal digits, so never the same twice. */
export function messageId(): string {
  if (used === digits.length) {
    digits = randomBytes((IDS_AT_ONCE * DIGITS) / 2).toString('hex');
    used = 0;
  }
  used += DIGITS;
  return digits.slice(used - DIGITS, used);
}

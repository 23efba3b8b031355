/** Owns the one form of an e-mail address by which a user is known. */

/** Without characters that nobody sees (categories Cc, Cf and their like): two addresses that look the same are one. */
const FORM = /^[^\s@\p{C}]+@[^\s@\p{C}]+$/u;
const MAX_LENGTH = 254;

/** The address without spaces around it, in lower case, its characters composed. */
export function normalEmail(text: string): string {
  return text.trim().normalize('NFKC').toLowerCase();
}

/** Whether a normalised text has the form of an address. */
export function isEmail(text: string): boolean {
  return text.length <= MAX_LENGTH && FORM.test(text);
}

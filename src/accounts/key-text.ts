/** Owns the text of an API key and its digest, which is all that is kept of it. */
import { hash, randomBytes } from 'node:crypto';

/** What every key begins with, so that people and secret scanners recognise one. */
export const KEY_PREFIX = 'glm_';

const FORM = /^glm_[A-Za-z0-9_-]{43}$/;

/** A new key of 32 random bytes. */
export function createKeyText(): string {
  return KEY_PREFIX + randomBytes(32).toString('base64url');
}

/** Whether a text has the form of a key. */
export function isKeyText(text: string): boolean {
  return FORM.test(text);
}

/** SHA-256 of a key or a token, in hex. */
export function digestOf(text: string): string {
  return hash('sha256', text, 'hex');
}

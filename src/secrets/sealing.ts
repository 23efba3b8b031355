/**
 * Owns how a secret's value is sealed: AES-256-GCM with a nonce of its own. The function's id and the secret's name are
 * authenticated with it, so a sealed value that is moved to another function or name cannot be opened.
 *
 *   ┌───────────┬─────────────────┬──────────┬────────┬────────────┐
 *   │ u8 form=1 │ 8 bytes key id  │ 12 nonce │ 16 tag │ ciphertext │
 *   └───────────┴─────────────────┴──────────┴────────┴────────────┘
 *
 * The key id tells a value of another key file from a damaged one.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { FunctionId } from '../model/function/id.js';

const FORM = 1;
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NONCE_AT = 1 + KEY_ID_BYTES;
const TAG_AT = NONCE_AT + NONCE_BYTES;
const CIPHERTEXT_AT = TAG_AT + TAG_BYTES;

/** What a sealed value belongs to. */
export interface SealedFor {
  functionId: FunctionId;
  name: string;
}

/** Why a value cannot be opened: another key has sealed it, or it is not what was sealed for this function and name. */
export class SealError extends Error {
  readonly reason: 'other-key' | 'damaged';
  constructor(reason: SealError['reason']) {
    super(reason);
    this.name = 'SealError';
    this.reason = reason;
  }
}

/** @param key 32 bytes */
export function seal(key: Buffer, owner: SealedFor, value: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(authenticated(owner));
  const ciphertext = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return Buffer.concat([Buffer.of(FORM), keyId(key), nonce, cipher.getAuthTag(), ciphertext]);
}

/** Throws SealError. */
export function unseal(key: Buffer, owner: SealedFor, sealed: Uint8Array): string {
  const bytes = Buffer.from(sealed);
  if (bytes.length < CIPHERTEXT_AT || bytes[0] !== FORM) throw new SealError('damaged');
  if (!bytes.subarray(1, NONCE_AT).equals(keyId(key))) throw new SealError('other-key');
  const nonce = bytes.subarray(NONCE_AT, TAG_AT);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(authenticated(owner));
  decipher.setAuthTag(bytes.subarray(TAG_AT, CIPHERTEXT_AT));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(CIPHERTEXT_AT)), decipher.final()]).toString('utf8');
  } catch {
    throw new SealError('damaged');
  }
}

/** Length of the value in a sealed one, in bytes. */
export function sealedValueBytes(sealed: Uint8Array): number {
  return Math.max(0, sealed.length - CIPHERTEXT_AT);
}

/** Neither an id nor a name holds a NUL, so no two owners have the same text. */
function authenticated({ functionId, name }: SealedFor): Buffer {
  return Buffer.from(`glambdar secret\0${functionId}\0${name}`);
}

function keyId(key: Buffer): Buffer {
  return createHmac('sha256', key).update('glambdar key id').digest().subarray(0, KEY_ID_BYTES);
}

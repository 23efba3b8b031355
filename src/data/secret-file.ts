/** Owns a secret in a file of its own: random bytes, made when they are first needed, readable by the server's user only. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { StartupError } from '../model/startup-error.js';
import { writeDurably } from './write-durably.js';

/** The name in GLAMBDAR_DIR of the secret that signs the tokens of users. */
export const TOKEN_SECRET_FILE = 'token-secret';

/**
 * The secret in the file, which is made when it is missing. Throws `StartupError` when the file holds something else, or when
 * others can read it; the file system's errors.
 * @param path absolute
 */
export function secretFile(path: string, bytes: number): Buffer {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return makeSecret(path, bytes);
  if (!stat.isFile() || (stat.mode & 0o077) !== 0)
    throw new StartupError(
      `${path} holds a secret and can be read by others: make it a file of mode 0600, or remove it to get a new one.`,
    );
  const secret = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64url');
  if (secret.length !== bytes)
    throw new StartupError(`${path} does not hold a secret of ${bytes} bytes: remove it to get a new one.`);
  return secret;
}

function makeSecret(path: string, bytes: number): Buffer {
  const secret = randomBytes(bytes);
  writeDurably(path, `${secret.toString('base64url')}\n`);
  return secret;
}

/**
 * Owns `secrets.key`, the file with the key by which values in `glambdar.db` are sealed: 32 random bytes as hexadecimal
 * digits, readable for its owner alone. It is never replaced: without it all that it has sealed is lost.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { syncDirectory } from './sync-directory.js';

/** Its name in GLAMBDAR_DIR. */
export const KEY_FILE = 'secrets.key';

const KEY_BYTES = 32;
/** Longer files are not read: the digits and a line end. */
const MAX_BYTES = 1024;

/** The file is there and holds no key, or cannot be read. The message says why, without a path. */
export class KeyFileError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'KeyFileError';
  }
}

export class KeyFile {
  readonly #file: string;
  readonly #onTightened: () => void;

  /**
   * @param dir GLAMBDAR_DIR
   * @param onTightened called when others could read the file, which they cannot any more
   */
  constructor(dir: string, onTightened: () => void = () => undefined) {
    this.#file = join(dir, KEY_FILE);
    this.#onTightened = onTightened;
  }

  /** The key; undefined when there is no file. Throws KeyFileError. */
  read(): Buffer | undefined {
    let descriptor: number;
    try {
      descriptor = openSync(this.#file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      throw new KeyFileError(`secrets.key cannot be opened (${code})`, error);
    }
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile() || stat.size > MAX_BYTES)
        throw new KeyFileError('secrets.key is no file with a key');
      const text = readFileSync(descriptor, 'latin1').trim();
      if (!/^[0-9a-f]{64}$/i.test(text))
        throw new KeyFileError('secrets.key does not hold 64 hexadecimal digits');
      if ((stat.mode & 0o077) !== 0) {
        fchmodSync(descriptor, 0o600);
        this.#onTightened();
      }
      return Buffer.from(text, 'hex');
    } finally {
      closeSync(descriptor);
    }
  }

  /** Makes the file with a new key, durably. Throws KeyFileError when it is there already, and the file system's errors. */
  create(): Buffer {
    const key = randomBytes(KEY_BYTES);
    const draft = `${this.#file}.new`;
    rmSync(draft, { force: true });
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      writeSync(descriptor, `${key.toString('hex')}\n`);
      fsyncSync(descriptor);
      // Not a rename: a link never replaces a key that is there.
      linkSync(draft, this.#file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new KeyFileError('secrets.key is there already', error);
    } finally {
      closeSync(descriptor);
      rmSync(draft, { force: true });
    }
    syncDirectory(dirname(this.#file));
    return key;
  }
}

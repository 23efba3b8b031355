/**
 * Owns hashing and checking passwords: scrypt, off the event loop, a few at a time. Node hashes in the four threads that also
 * read and write files, so a flood of sign-ins may take a part of these threads and of the cores, and no more.
 */
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { GlambdarError } from '../errors.js';

/** Takes about 175 ms on one core and 32 MiB, as OWASP advises. */
const COST = { N: 2 ** 15, r: 8, p: 3 };
const MAX_MEMORY = 64 * 1024 * 1024;
const HASH_BYTES = 32;
/** Leaves a core to calls, where there is more than one, and two of the four threads to files. */
const AT_ONCE = Math.min(2, Math.max(1, availableParallelism() >> 1));
const MAX_WAITING = 32;

/** A hash of no password: checking against it takes as long as against a user's. */
const NOBODY = textOf(COST, randomBytes(16), randomBytes(HASH_BYTES));

export class Passwords {
  readonly #cost: typeof COST;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param cost of new hashes; smaller ones are for tests */
  constructor(cost: typeof COST = COST) {
    this.#cost = cost;
  }

  /** A text that `verify` takes. Rejects with AT_CAPACITY while too many wait. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    return textOf(this.#cost, salt, await this.#derive(password, salt, this.#cost));
  }

  /**
   * Whether a hash was made of the password. Takes the same time when there is no hash, and is false then. Rejects with
   * AT_CAPACITY while too many wait.
   */
  async verify(password: string, hash: string | undefined): Promise<boolean> {
    const [, N, r, p, salt, expected] = (hash ?? this.#nobody()).split('$');
    const cost = { N: Number(N), r: Number(r), p: Number(p) };
    const derived = await this.#derive(password, Buffer.from(salt ?? '', 'base64'), cost);
    return timingSafeEqual(derived, Buffer.from(expected ?? '', 'base64')) && hash !== undefined;
  }

  #nobody(): string {
    return this.#cost === COST ? NOBODY : textOf(this.#cost, Buffer.alloc(16), Buffer.alloc(HASH_BYTES));
  }

  async #derive(password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> {
    if (this.#running < AT_ONCE) this.#running += 1;
    else {
      if (this.#waiting.length >= MAX_WAITING)
        throw new GlambdarError('AT_CAPACITY', 'Too many people sign in at this moment; try again soon.', {
          retryAfterSeconds: 5,
        });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await derived(password, salt, { ...cost, maxmem: MAX_MEMORY });
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}

function derived(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, HASH_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

function textOf({ N, r, p }: typeof COST, salt: Buffer, hash: Buffer): string {
  return ['scrypt', N, r, p, salt.toString('base64'), hash.toString('base64')].join('$');
}

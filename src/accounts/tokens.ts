/** Owns the tokens that users get when they sign in: JSON Web Tokens, HS256 and nothing else, for 24 hours. */
import { errors, jwtVerify, SignJWT } from 'jose';
import type { UserRecord } from '../model/account/account.js';

const LIFE_SECONDS = 24 * 60 * 60;
/** A longer one is not ours. */
const MAX_LENGTH = 2048;
/** How far a clock that is set back may put the time of signing into the future. */
const TOLERANCE_SECONDS = 5;

/** What a valid token says. */
export interface TokenClaims {
  userId: string;
  generation: number;
  /** Epoch milliseconds. */
  expiresAt: number;
}

export class Tokens {
  readonly #secret: Uint8Array;
  readonly #now: () => number;

  /** @param secret at least 32 bytes. @param now epoch milliseconds */
  constructor(secret: Uint8Array, now: () => number) {
    if (secret.length < 32) throw new Error('The secret of tokens needs 32 bytes.');
    this.#secret = secret;
    this.#now = now;
  }

  /** A token for a user, which is valid until it expires or the user's generation changes. */
  sign({ id, generation }: Pick<UserRecord, 'id' | 'generation'>): Promise<string> {
    const now = Math.floor(this.#now() / 1000);
    return new SignJWT({ gen: generation })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(id)
      .setIssuedAt(now)
      .setExpirationTime(now + LIFE_SECONDS)
      .sign(this.#secret);
  }

  /** What the token says; undefined when we have not signed it, when it is over, or when it was signed in the future. */
  async verify(token: string): Promise<TokenClaims | undefined> {
    if (token.length > MAX_LENGTH) return undefined;
    try {
      const { payload } = await jwtVerify(token, this.#secret, {
        algorithms: ['HS256'],
        typ: 'JWT',
        requiredClaims: ['sub', 'iat', 'exp', 'gen'],
        maxTokenAge: LIFE_SECONDS,
        clockTolerance: TOLERANCE_SECONDS,
        currentDate: new Date(this.#now()),
      });
      const { sub, exp, gen } = payload;
      if (typeof sub !== 'string' || typeof exp !== 'number' || typeof gen !== 'number') return undefined;
      // The tolerance is for the time of signing only.
      const expiresAt = exp * 1000;
      return expiresAt > this.#now() ? { userId: sub, generation: gen, expiresAt } : undefined;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}

/** Owns which attempts are braked: signing in, for each account and for each address, and registering, for each address. */
import { isIPv6 } from 'node:net';
import type { Clock } from '../clock.js';
import { GlambdarError } from '../errors.js';
import { Brakes } from './brakes.js';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

export class GuessBrakes {
  readonly #accounts: Brakes;
  readonly #addresses: Brakes;
  readonly #registrations: Brakes;

  constructor(clock: Clock) {
    // An account waits a minute at most: whoever guesses at it must not keep its user out for long.
    this.#accounts = new Brakes({
      clock,
      free: 5,
      firstMs: SECOND_MS,
      mostMs: MINUTE_MS,
      forgetMs: 60 * MINUTE_MS,
    });
    this.#addresses = new Brakes({
      clock,
      free: 20,
      firstMs: SECOND_MS,
      mostMs: 15 * MINUTE_MS,
      forgetMs: 60 * MINUTE_MS,
    });
    this.#registrations = new Brakes({
      clock,
      free: 30,
      firstMs: SECOND_MS,
      mostMs: 15 * MINUTE_MS,
      forgetMs: 10 * MINUTE_MS,
    });
  }

  /**
   * Begins an attempt to sign in. Throws RATE_LIMITED while the account or the address must wait.
   * @returns to be called when the attempt proved to be no guess
   */
  signIn(email: string, address: string): () => void {
    const network = networkOf(address);
    refuseBefore(Math.max(this.#accounts.waitMs(email), this.#addresses.waitMs(network)));
    this.#accounts.count(email);
    this.#addresses.count(network);
    return () => {
      this.#accounts.forgive(email);
      // One right password among wrong ones does not make the others right.
      this.#addresses.uncount(network);
    };
  }

  /** Begins a registration. Throws RATE_LIMITED while the address must wait. */
  register(address: string): void {
    const network = networkOf(address);
    refuseBefore(this.#registrations.waitMs(network));
    this.#registrations.count(network);
  }
}

function refuseBefore(waitMs: number): void {
  if (waitMs === 0) return;
  const seconds = Math.ceil(waitMs / SECOND_MS);
  throw new GlambdarError('RATE_LIMITED', `Too many attempts; try again in ${seconds} s.`, {
    retryAfterSeconds: seconds,
  });
}

/** An IPv4 address, or the network of an IPv6 address: whoever has one address of a /64 has all of them. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = plain.replace(/%.*$/, '').split('::');
  const left = head.split(':').filter((group) => group !== '');
  const right = tail.split(':').filter((group) => group !== '');
  const zeros = plain.includes('::')
    ? Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
    : [];
  return [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => parseInt(group, 16))
    .join(':');
}

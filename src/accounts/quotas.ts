/** Owns which quota a namespace has: the server's own, and what an admin gave to single namespaces. Kept in memory, written through. */
import { z } from 'zod';
import { GlambdarError } from '../errors.js';
import { QUOTA_PARTS, type Quota, type QuotaPatch } from '../model/account/quota.js';
import type { QuotaStore } from '../store/quota-store.js';

const part = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).nullable();
const schema = z
  .strictObject({ functions: part, bundleBytes: part, concurrentCalls: part, callsPerMinute: part })
  .partial();

export class Quotas {
  readonly #store: QuotaStore;
  readonly #standard: Quota;
  #own = new Map<string, QuotaPatch>();
  #quotas = new Map<string, Quota>();

  /** @param standard the quota of every namespace that has none of its own */
  constructor(store: QuotaStore, standard: Quota) {
    this.#store = store;
    this.#standard = standard;
  }

  /** Reads the quotas of single namespaces. Rejects with `StoreError`. */
  async open(): Promise<void> {
    this.#own = await this.#store.list();
    this.#quotas = new Map([...this.#own].map(([namespace, own]) => [namespace, this.#merged(own)]));
  }

  get standard(): Quota {
    return this.#standard;
  }

  /** The quota in force. The same object until it is changed. */
  of(namespace: string): Quota {
    return this.#quotas.get(namespace) ?? this.#standard;
  }

  /** What single namespaces have of their own. */
  list(): ReadonlyMap<string, QuotaPatch> {
    return this.#own;
  }

  /**
   * Changes parts of a namespace's own quota; null lifts a limit. Resolves to the quota in force once the change is durable.
   * Rejects with INVALID_REQUEST, `StoreError`. @param value as a client sent it
   */
  async change(namespace: string, value: unknown): Promise<Quota> {
    const result = schema.safeParse(value);
    if (!result.success)
      throw new GlambdarError(
        'INVALID_REQUEST',
        `A quota has the parts ${QUOTA_PARTS.join(', ')}, each a whole number, or null for no limit.`,
      );
    const own = { ...this.#own.get(namespace), ...(result.data as QuotaPatch) };
    await this.#store.set(namespace, own);
    this.#own.set(namespace, own);
    this.#quotas.set(namespace, this.#merged(own));
    return this.of(namespace);
  }

  /** Gives a namespace the server's quota again. Rejects with `StoreError`. */
  async reset(namespace: string): Promise<void> {
    await this.#store.set(namespace, null);
    this.#own.delete(namespace);
    this.#quotas.delete(namespace);
  }

  #merged(own: QuotaPatch): Quota {
    return { ...this.#standard, ...own };
  }
}

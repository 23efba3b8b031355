/** Owns writing the audit log, so that no request waits for it or fails with it, and reading it. */
import type { Logger } from '../logger.js';
import type { AuditEntry, AuditRecord } from '../model/account/audit-record.js';
import type { AuditStore } from '../store/audit-store.js';

/** Lines that are kept: some hundred bytes each. */
const KEEP = 50_000;

export interface AuditTrailOptions {
  store: AuditStore;
  logger: Pick<Logger, 'warn'>;
  /** Epoch milliseconds. */
  now: () => number;
}

export class AuditTrail {
  readonly #options: AuditTrailOptions;

  constructor(options: AuditTrailOptions) {
    this.#options = options;
  }

  /** Writes a line; nobody need wait for it. Never rejects: a failure is logged. */
  async record(entry: AuditEntry): Promise<void> {
    const { store, logger, now } = this.#options;
    await store.append({ ...entry, at: now() }, KEEP).catch((err: unknown) => {
      logger.warn({ err, action: entry.action }, 'a line of the audit log could not be written');
    });
  }

  /** Lines, newest first. @param query `before`: only lines with smaller ids. Rejects with `StoreError` */
  list(query: { limit: number; before?: number }): Promise<AuditRecord[]> {
    return this.#options.store.list(query);
  }
}

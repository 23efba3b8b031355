/**
 * Owns the store on SQLite: `glambdar.db` for what a 201 promised, `invocations.db` for what happened since.
 *
 * Two files, because a deploy must wait for the medium and a record of a call must not. What the second says counts only
 * for functions of the first, told apart by name and time of creation: a crash between two commits shows nothing stale.
 * What happens when one of them is damaged is `recovery.ts`.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../logger.js';
import type { DeploymentDatabase } from './deployment-database.js';
import type { Callee, InvocationDatabase } from './invocation-database.js';
import type {
  FunctionCounters,
  FunctionRecord,
  FunctionSettings,
  InvocationRecord,
  VersionRecord,
} from '../../model/records.js';
import { openDeployments, openInvocations, replaceInvocations } from './recovery.js';
import { isDamage, toStoreError } from './sqlite.js';
import { StartupError } from '../../model/startup-error.js';
import { StoreError, type InvocationQuery, type PublishRequest, type Store } from '../store.js';

export interface SqliteStoreOptions {
  /** GLAMBDAR_DIR, locked by `openDataDirectory`. */
  dir: string;
  logger?: Pick<Logger, 'warn'>;
  /** Makes room when a delete meets a full disk (`DiskReserve.release`). True when there is some now: tried once more. */
  onFull?: () => boolean;
  /** Texts of calls kept over all functions; smaller in tests. */
  textLimitBytes?: number;
}

/** Opens both databases, bringing older ones up to date. Throws `StartupError`. */
export function openSqliteStore(options: SqliteStoreOptions): SqliteStore {
  return new SqliteStore(options);
}

/** See `Store` for what the methods promise. */
export class SqliteStore implements Store {
  /** What had to be rebuilt or given up when the store was opened, in a sentence; null when nothing. */
  readonly recovered: string | null;
  readonly #deploymentFile: string;
  readonly #invocationFile: string;
  readonly #options: SqliteStoreOptions;
  readonly #deployments: DeploymentDatabase;
  readonly #deploymentInode: bigint;
  #invocations: InvocationDatabase;
  #closed = false;

  constructor(options: SqliteStoreOptions) {
    this.#options = options;
    this.#deploymentFile = join(options.dir, 'glambdar.db');
    this.#invocationFile = join(options.dir, 'invocations.db');
    const opened = this.#starting(this.#deploymentFile, () => openDeployments(this.#deploymentFile));
    this.#deployments = opened.database;
    this.recovered = opened.recovered;
    if (this.recovered !== null) options.logger?.warn(this.recovered);
    try {
      this.#deploymentInode = statSync(this.#deploymentFile, { bigint: true }).ino;
      this.#invocations = this.#starting(this.#invocationFile, () => openInvocations(options));
    } catch (error) {
      this.#deployments.close();
      throw error;
    }
    this.#tidy(() => this.#onInvocations((database) => database.forgetOthers(this.#deployments.list())));
  }

  listFunctions(): FunctionRecord[] {
    return this.#onDeployments((database) => database.list());
  }

  getFunction(name: string): FunctionRecord | undefined {
    return this.#onDeployments((database) => database.get(name));
  }

  listVersions(name: string): VersionRecord[] {
    return this.#onDeployments((database) => database.versions(name));
  }

  publish(request: PublishRequest): FunctionRecord {
    const { name } = request.version;
    // A removal may have failed to clean up after itself (full disk): a new function starts without a past.
    if (this.getFunction(name) === undefined) this.#onInvocations((database) => database.forget(name));
    return this.#onDeployments((database) => {
      database.publish(request);
      return database.get(name)!;
    });
  }

  updateSettings(name: string, settings: FunctionSettings, at: number): FunctionRecord | undefined {
    return this.#onDeployments((database) => {
      database.updateSettings(name, settings, at);
      return database.get(name);
    });
  }

  removeVersions(name: string, versions: number[]): void {
    this.#makingRoom(() => this.#onDeployments((database) => database.removeVersions(name, versions)));
  }

  removeFunction(name: string): boolean {
    const removed = this.#makingRoom(() => this.#onDeployments((database) => database.remove(name)));
    if (removed)
      this.#tidy(() => this.#makingRoom(() => this.#onInvocations((database) => database.forget(name))));
    return removed;
  }

  listCounters(): Map<string, FunctionCounters> {
    const alive = this.#alive();
    const rows = this.#onInvocations((database) => database.counters());
    return new Map(
      rows.filter(({ callee }) => alive(callee)).map(({ callee, counters }) => [callee.name, counters]),
    );
  }

  /** Records and counters of functions that are not deployed (any more) are left out. */
  appendInvocations(
    records: InvocationRecord[],
    counters: Map<string, FunctionCounters>,
    keepPerFunction: number,
  ): void {
    const callees = new Map<string, Callee | undefined>();
    const calleeOf = (name: string): Callee | undefined => {
      if (!callees.has(name)) callees.set(name, this.getFunction(name));
      return callees.get(name);
    };
    const owned = records.flatMap((record) => {
      const callee = calleeOf(record.funcName);
      return callee === undefined ? [] : [{ callee, record }];
    });
    const counted = [...counters].flatMap(([name, counts]) => {
      const callee = calleeOf(name);
      return callee === undefined ? [] : [{ callee, counters: counts }];
    });
    this.#onInvocations((database) => database.append(owned, counted, keepPerFunction));
  }

  amendInvocations(records: InvocationRecord[]): void {
    this.#onInvocations((database) => database.amend(records));
  }

  listInvocations({ funcName, limit, before }: InvocationQuery): InvocationRecord[] {
    const callee = this.getFunction(funcName);
    if (callee === undefined) return [];
    return this.#onInvocations((database) =>
      database.list(callee, Math.min(Math.max(limit, 1), 1000), before),
    );
  }

  getInvocation(id: string): InvocationRecord | undefined {
    const found = this.#onInvocations((database) => database.get(id));
    if (found === undefined || this.getFunction(found.callee.name)?.createdAt !== found.callee.createdAt)
      return undefined;
    return found.record;
  }

  check(): void {
    this.#onDeployments((database) => database.get(''));
    this.#onInvocations((database) => database.touch());
    // SQLite goes on in a file that was deleted, and what it acknowledges is gone at the next start.
    const inode = statSync(this.#deploymentFile, { bigint: true, throwIfNoEntry: false })?.ino;
    if (inode !== this.#deploymentInode) {
      throw new StoreError('glambdar.db was moved or deleted while the server runs; restart the server.', {
        full: false,
      });
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#invocations.close();
    this.#deployments.close();
  }

  #alive(): (callee: Callee) => boolean {
    const created = new Map(this.listFunctions().map(({ name, createdAt }) => [name, createdAt]));
    return ({ name, createdAt }) => created.get(name) === createdAt;
  }

  #onDeployments<T>(body: (database: DeploymentDatabase) => T): T {
    try {
      return body(this.#deployments);
    } catch (error) {
      throw toStoreError(error, this.#deploymentFile);
    }
  }

  /** Damage met on the way is repaired by starting anew: records of calls are not worth a restart. */
  #onInvocations<T>(body: (database: InvocationDatabase) => T): T {
    try {
      try {
        return body(this.#invocations);
      } catch (error) {
        if (this.#closed || !isDamage(error)) throw error;
        this.#invocations.close();
        this.#invocations = replaceInvocations(this.#options, error);
        return body(this.#invocations);
      }
    } catch (error) {
      throw toStoreError(error, this.#invocationFile);
    }
  }

  #makingRoom<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof StoreError) || !error.full || this.#options.onFull?.() !== true) throw error;
      return body();
    }
  }

  /** Cleaning up that may fail: what stays behind is never shown, and the next start or publish tries again. */
  #tidy(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#options.logger?.warn(
        { err: error },
        'records of removed functions could not be cleaned up; trying again later',
      );
    }
  }

  #starting<T>(file: string, open: () => T): T {
    try {
      return this.#makingRoom(() => {
        try {
          return open();
        } catch (error) {
          throw error instanceof StartupError ? error : toStoreError(error, file);
        }
      });
    } catch (error) {
      if (error instanceof StartupError) throw error;
      throw new StartupError(`${file} cannot be used: ${(error as Error).message}`, { cause: error });
    }
  }
}

/**
 * Owns the secrets of functions: setting, naming and removing them, and their values for the workers. Values lie sealed in the
 * store and open in this process's memory, from where they go to the function's workers and nowhere else.
 */
import { namedDiskError } from '../data/disk-error.js';
import { KeyFileError, type KeyFile } from '../data/key-file.js';
import { GlambdarError } from '../errors.js';
import type { Logger } from '../logger.js';
import { NO_REDACTION, Redactor, type Redaction } from '../model/call/redaction.js';
import type { FunctionRecord } from '../model/function/function.js';
import type { FunctionId } from '../model/function/id.js';
import type { FunctionRef } from '../model/function/ref.js';
import type { SealedSecret, SecretStore } from '../store/secret-store.js';
import { SealError, seal, sealedValueBytes, unseal } from './sealing.js';
import { assertRoomForSecret, assertSecretName, assertSecretValue } from './secret-rules.js';

/** A secret as clients see it. Times are RFC 3339 UTC. */
export interface SecretView {
  name: string;
  createdAt: string;
  updatedAt: string;
}

/** The interface by which `http/` names and changes secrets. Methods throw FUNCTION_NOT_FOUND, or reject with it. */
export interface SecretKeeper {
  /** The secrets of a function, sorted by name. */
  list(ref: FunctionRef): SecretView[];
  /** Sets a secret for calls that begin from now on. Rejects with INVALID_REQUEST, SECRETS_UNAVAILABLE, DISK_FULL. */
  put(ref: FunctionRef, name: string, value: string): Promise<void>;
  /** Calls that begin from now on are without the secret. Rejects with SECRET_NOT_FOUND, DISK_FULL. */
  remove(ref: FunctionRef, name: string): Promise<void>;
}

export interface SecretsOptions {
  store: SecretStore;
  keyFile: Pick<KeyFile, 'read' | 'create'>;
  functions: {
    /** Throws FUNCTION_NOT_FOUND. */
    record(ref: FunctionRef): FunctionRecord;
    /** See `FunctionRegistry.inTurn`. */
    inTurn<T>(ref: FunctionRef, work: () => Promise<T>): Promise<T>;
  };
  /** Called when a function's workers need other values than those of the revision before, or can have values again. */
  onChanged: (id: FunctionId) => void;
  logger: Pick<Logger, 'error' | 'info'>;
}

/** The secrets of one function. */
interface Entry {
  sealed: Map<string, SealedSecret>;
  /** How often the values have changed in this process: instances of another revision are not used. */
  revision: number;
  /** Undefined until the values are needed, and while they cannot be opened. */
  values: Readonly<Record<string, string>> | undefined;
  /** Whether the log says already that the values cannot be opened. */
  isReported: boolean;
  redactor: Redactor;
}

const NONE: Readonly<Record<string, string>> = {};

export class Secrets implements SecretKeeper {
  readonly #options: SecretsOptions;
  readonly #entries = new Map<FunctionId, Entry>();
  /** The key as it was read last. */
  #key: Buffer | undefined;

  constructor(options: SecretsOptions) {
    this.#options = options;
  }

  /** Reads the sealed values. To be called once, before all other methods. */
  async open(): Promise<void> {
    for (const secret of await this.#options.store.list())
      this.#entryOf(secret.functionId).sealed.set(secret.name, secret);
  }

  list(ref: FunctionRef): SecretView[] {
    const { id } = this.#options.functions.record(ref);
    return [...(this.#entries.get(id)?.sealed.values() ?? [])]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, createdAt, updatedAt }) => ({
        name,
        createdAt: new Date(createdAt).toISOString(),
        updatedAt: new Date(updatedAt).toISOString(),
      }));
  }

  async put(ref: FunctionRef, name: string, value: string): Promise<void> {
    const { functions, store } = this.#options;
    functions.record(ref);
    assertSecretName(name);
    assertSecretValue(value);
    await functions.inTurn(ref, async () => {
      const record = functions.record(ref);
      const { id } = record;
      if (record.active.source.type === 'image') throw imagesHaveNone(ref.name);
      const others = [...(this.#entries.get(id)?.sealed.values() ?? [])].filter(
        (other) => other.name !== name,
      );
      assertRoomForSecret(
        others.map(({ sealed }) => sealedValueBytes(sealed)),
        value,
      );
      const key = this.#keyForSealing();
      let secret: SealedSecret | undefined;
      try {
        secret = await store.put(id, name, seal(key, { functionId: id, name }, value), Date.now());
      } catch (error) {
        throw namedDiskError(error);
      }
      if (secret === undefined) throw new GlambdarError('FUNCTION_NOT_FOUND', 'Function not found!');
      const entry = this.#entryOf(id);
      const same = entry.values?.[name] === value && entry.sealed.has(name);
      entry.sealed.set(name, secret);
      if (!same) this.#changed(id, entry);
    });
  }

  async remove(ref: FunctionRef, name: string): Promise<void> {
    const { functions, store } = this.#options;
    functions.record(ref);
    await functions.inTurn(ref, async () => {
      const record = functions.record(ref);
      const entry = this.#entries.get(record.id);
      if (!entry?.sealed.has(name))
        throw new GlambdarError(
          'SECRET_NOT_FOUND',
          `"${ref.name}" has no secret of this name; GET /functions/${ref.name}/secrets names those it has.`,
        );
      try {
        await store.remove(record.id, name);
      } catch (error) {
        throw namedDiskError(error);
      }
      entry.sealed.delete(name);
      this.#changed(record.id, entry);
    });
  }

  /** The values for a function's workers. Throws SECRETS_UNAVAILABLE while they cannot be opened. */
  valuesOf({ id, ref }: FunctionRecord): Readonly<Record<string, string>> {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.sealed.size === 0) return NONE;
    if (entry.values === undefined) {
      entry.values = this.#opened(entry, ref);
      entry.redactor.set(entry.values);
      if (entry.isReported) {
        entry.isReported = false;
        this.#options.logger.info({ function: ref.name }, 'the secrets of a function can be read again');
        this.#options.onChanged(id);
      }
    }
    return entry.values;
  }

  /** The revision of a function's values: workers that were given another one are out of date. */
  revisionOf(id: FunctionId): number {
    return this.#entries.get(id)?.revision ?? 0;
  }

  /** Takes the values that a function's workers have had out of text. It stays good when the function is deleted. */
  redactorOf(id: FunctionId): Redaction {
    return this.#entries.get(id)?.redactor ?? NO_REDACTION;
  }

  /** The function was deleted, and the store has removed its secrets. */
  forget(id: FunctionId): void {
    this.#entries.delete(id);
  }

  #entryOf(id: FunctionId): Entry {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      const redactor = new Redactor();
      entry = { sealed: new Map(), revision: 0, values: undefined, isReported: false, redactor };
      this.#entries.set(id, entry);
    }
    return entry;
  }

  #changed(id: FunctionId, entry: Entry): void {
    entry.revision += 1;
    entry.values = undefined;
    if (entry.sealed.size === 0) entry.redactor.set(NONE);
    this.#options.onChanged(id);
  }

  /** The key as the file has it now: a value sealed by a key that is not on disk would be lost at the next start. */
  #keyForSealing(): Buffer {
    const { keyFile } = this.#options;
    try {
      let key = keyFile.read();
      if (key === undefined) {
        const sealed = [...this.#entries.values()].reduce((sum, entry) => sum + entry.sealed.size, 0);
        if (sealed > 0)
          throw unavailable(
            `No secret can be set: ${MISSING}, and ${sealed} stored secrets were sealed with it. Put the file back from a backup, ` +
              'or delete those secrets and set them again.',
          );
        key = keyFile.create();
      }
      this.#key = key;
      return key;
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw namedDiskError(error);
      throw unavailable(`No secret can be set: ${error.message}. Put the file back from a backup.`, error);
    }
  }

  /** Opens values with the known key, then with the file's: the operator may have put the right file back. */
  #opened(entry: Entry, ref: FunctionRef): Readonly<Record<string, string>> {
    const secrets = [...entry.sealed.values()];
    try {
      if (this.#key !== undefined) return unsealAll(this.#key, secrets);
    } catch (error) {
      if (!(error instanceof UnreadableSecret)) throw error;
    }
    try {
      const key = this.#options.keyFile.read();
      if (key === undefined) throw new UnreadableSecret(MISSING);
      const values = unsealAll(key, secrets);
      this.#key = key;
      return values;
    } catch (error) {
      if (!(error instanceof UnreadableSecret || error instanceof KeyFileError)) throw error;
      if (!entry.isReported)
        this.#options.logger.error(
          { function: ref.name, reason: error.message },
          'the secrets of a function cannot be read, and its calls are refused',
        );
      entry.isReported = true;
      throw unavailable(
        `The secrets of "${ref.name}" cannot be read: ${error.message}. Put the right secrets.key back from a backup, or ` +
          "delete the function's secrets and set them again.",
      );
    }
  }
}

const MISSING = 'the key file secrets.key is missing from GLAMBDAR_DIR';

/** Why values cannot be opened, as a part of a sentence. */
class UnreadableSecret extends Error {}

function unsealAll(key: Buffer, secrets: readonly SealedSecret[]): Readonly<Record<string, string>> {
  return Object.fromEntries(secrets.map((secret) => [secret.name, unsealed(key, secret)]));
}

function unsealed(key: Buffer, secret: SealedSecret): string {
  try {
    return unseal(key, secret, secret.sealed);
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    throw new UnreadableSecret(
      error.reason === 'other-key'
        ? `${secret.name} was sealed with another key than that in secrets.key`
        : `the stored value of ${secret.name} is damaged`,
    );
  }
}

function unavailable(message: string, cause?: unknown): GlambdarError {
  return new GlambdarError('SECRETS_UNAVAILABLE', message, { cause });
}

function imagesHaveNone(name: string): GlambdarError {
  return new GlambdarError(
    'INVALID_REQUEST',
    `"${name}" is an image, and images get no secrets: the environment of an image's container can be read by everybody who may ` +
      'ask Docker, and is kept with the container. Deploy the function as code, or let the image fetch the secret itself.',
  );
}

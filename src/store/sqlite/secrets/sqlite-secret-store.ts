/** Owns the store of secrets on SQLite: a table beside the functions, so that the secrets of a function go with it at once. */
import type { FunctionId } from '../../../model/function/id.js';
import type { SealedSecret, SecretStore } from '../../secret-store.js';
import type { SecretTable } from './secret-table.js';

/** Runs work on the table, and turns SQLite's errors into `StoreError`. */
export type OnSecrets = <T>(work: (secrets: SecretTable) => T) => T;

export class SqliteSecretStore implements SecretStore {
  readonly #on: OnSecrets;

  constructor(on: OnSecrets) {
    this.#on = on;
  }

  async list(): Promise<SealedSecret[]> {
    return this.#on((secrets) => secrets.list());
  }

  async put(
    functionId: FunctionId,
    name: string,
    sealed: Uint8Array,
    at: number,
  ): Promise<SealedSecret | undefined> {
    return this.#on((secrets) => secrets.put(functionId, name, sealed, at));
  }

  async remove(functionId: FunctionId, name: string): Promise<boolean> {
    return this.#on((secrets) => secrets.remove(functionId, name));
  }
}

/** Owns a store of secrets in memory for unit tests of what uses one; it passes the contract suite of `SecretStore`. */
import type { FunctionId } from '../../src/model/function/id.js';
import type { SealedSecret, SecretStore } from '../../src/store/secret-store.js';

export class MemorySecretStore implements SecretStore {
  /** Set to make every method reject with it. */
  failure: Error | undefined;
  #secrets: SealedSecret[] = [];
  readonly #isFunction: (id: FunctionId) => boolean;

  constructor(isFunction: (id: FunctionId) => boolean) {
    this.#isFunction = isFunction;
  }

  async list(): Promise<SealedSecret[]> {
    if (this.failure) throw this.failure;
    this.#secrets = this.#secrets.filter(({ functionId }) => this.#isFunction(functionId));
    const keyOf = ({ functionId, name }: SealedSecret): string => `${functionId} ${name}`;
    return structuredClone(this.#secrets).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  async put(functionId: FunctionId, name: string, sealed: Uint8Array, at: number) {
    if (this.failure) throw this.failure;
    if (!this.#isFunction(functionId)) return undefined;
    const before = this.#secrets.find((secret) => secret.functionId === functionId && secret.name === name);
    const createdAt = before?.createdAt ?? at;
    const secret = { functionId, name, sealed: Uint8Array.from(sealed), createdAt, updatedAt: at };
    this.#secrets = [...this.#secrets.filter((other) => other !== before), secret];
    return structuredClone(secret);
  }

  async remove(functionId: FunctionId, name: string): Promise<boolean> {
    if (this.failure) throw this.failure;
    const before = this.#secrets.length;
    this.#secrets = this.#secrets.filter(
      (secret) => secret.functionId !== functionId || secret.name !== name,
    );
    return this.#secrets.length < before;
  }
}

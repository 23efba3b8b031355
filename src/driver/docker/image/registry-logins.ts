/**
 * Owns who this server is to registries: the logins in a file in the form of Docker's own `config.json`, which is read anew
 * for every pull. Logins in credential helpers (`credsStore`) are not used: those belong to a person's session.
 */
import { readFileSync } from 'node:fs';
import type { Logger } from '../../../logger.js';
import type { RegistryLogin } from '../engine/engine.js';

/** Docker's own name for the registry of references without a host. */
const DOCKER_HUB = 'https://index.docker.io/v1/';

export interface RegistryLoginsOptions {
  /** Absolute path; null: no logins. A missing file is like one without logins. */
  file: string | null;
  logger: Pick<Logger, 'warn'>;
}

interface Entry {
  auth?: unknown;
  username?: unknown;
  password?: unknown;
  identitytoken?: unknown;
}

export class RegistryLogins {
  readonly #options: RegistryLoginsOptions;

  constructor(options: RegistryLoginsOptions) {
    this.#options = options;
  }

  /** The login at the registry of this image; undefined when there is none. Another registry's login is never given. */
  of(reference: string): RegistryLogin | undefined {
    const registry = registryOf(reference);
    const names = registry === 'docker.io' ? [DOCKER_HUB, registry] : [registry];
    const entries = this.#entries();
    for (const name of names) {
      const found = [name, `https://${name}`, `http://${name}`, `https://${name}/`].find((key) =>
        entries.has(key),
      );
      const login = found === undefined ? undefined : loginOf(entries.get(found)!, name);
      if (login !== undefined) return login;
    }
    return undefined;
  }

  #entries(): Map<string, Entry> {
    const { file, logger } = this.#options;
    if (file === null) return new Map();
    try {
      const { auths } = JSON.parse(readFileSync(file, 'utf8')) as { auths?: Record<string, Entry> };
      return new Map(Object.entries(auths ?? {}));
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ENOENT')
        logger.warn({ err, file }, 'the logins for registries cannot be read; images are pulled without');
      return new Map();
    }
  }
}

/** The registry's host in a reference, with its port: `docker.io` when the reference names none. */
export function registryOf(reference: string): string {
  const slash = reference.indexOf('/');
  const first = slash === -1 ? '' : reference.slice(0, slash);
  return /[.:]/.test(first) || first === 'localhost' ? first : 'docker.io';
}

function loginOf(
  { auth, username, password, identitytoken }: Entry,
  serveraddress: string,
): RegistryLogin | undefined {
  if (typeof identitytoken === 'string' && identitytoken !== '') return { identitytoken, serveraddress };
  if (typeof username === 'string' && typeof password === 'string')
    return { username, password, serveraddress };
  if (typeof auth !== 'string') return undefined;
  const decoded = Buffer.from(auth, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon === -1) return undefined;
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1), serveraddress };
}

/** Owns the file with servers and tokens that the command line remembers, in the user's config directory, mode 0600. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { environmentVariable } from '../config.js';
import { CliError, EXIT } from './cli-error.js';

export interface Profile {
  /** URL of the server. */
  server: string;
  /** Null when signed out. */
  token: string | null;
  /** Who signed in, for people. */
  email: string | null;
}

/** Name of a profile → profile. */
export type Profiles = Record<string, Profile>;

/** Where the file is: `$XDG_CONFIG_HOME/glambdar/profiles.json`, by default below `~/.config`. */
export function profilesPath(): string {
  const base = environmentVariable('XDG_CONFIG_HOME') || join(homedir(), '.config');
  return join(base, 'glambdar', 'profiles.json');
}

/** Reads all profiles; none when there is no file. Throws CliError for a file that is not what this program writes. */
export function readProfiles(): Profiles {
  let text: string;
  try {
    text = readFileSync(profilesPath(), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new CliError(`${profilesPath()} cannot be read; check its rights.`, EXIT.usage);
  }
  try {
    const all = JSON.parse(text) as Record<string, Partial<Profile>>;
    return Object.fromEntries(
      Object.entries(all).map(([name, { server, token, email }]) => {
        if (typeof server !== 'string') throw new TypeError('no server');
        return [name, { server, token: token ?? null, email: email ?? null }];
      }),
    );
  } catch {
    throw new CliError(`${profilesPath()} is damaged; remove it and sign in again.`, EXIT.usage);
  }
}

/** Keeps the profile under the name: whole or not at all, readable by its owner only from the first byte on. */
export function writeProfile(name: string, profile: Profile): void {
  const path = profilesPath();
  const all: Profiles = { ...readProfiles(), [name]: profile };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, path);
}

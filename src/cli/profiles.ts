/** Owns the file with servers and tokens that the command line remembers, in the user's config directory, mode 0600. */
import {
  chmodSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
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

/** Whether the text is the URL of a server that this program can speak to. */
export function isServerUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Reads all profiles; none when there is no file. Throws CliError for a file that others may read, or that is not what this program writes. */
export function readProfiles(): Profiles {
  const text = privateText(profilesPath());
  if (text === null) return {};
  try {
    const all: unknown = JSON.parse(text);
    if (typeof all !== 'object' || all === null || Array.isArray(all)) throw new TypeError('no profiles');
    return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, profileOf(value)]));
  } catch {
    throw new CliError(`${profilesPath()} is damaged; remove it and sign in again.`, EXIT.usage);
  }
}

/** The text of a file that its owner alone may read, null when there is none. Throws CliError for one that others may read. */
function privateText(path: string): string | null {
  let mode: number;
  let text: string;
  try {
    // Opened once, so that mode and text are those of one file, also when another one takes its name meanwhile.
    const file = openSync(path, 'r');
    try {
      mode = fstatSync(file).mode & 0o777;
      text = readFileSync(file, 'utf8');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new CliError(`${path} cannot be read; check its rights.`, EXIT.usage);
  }
  if ((mode & 0o077) !== 0)
    throw new CliError(
      `${path} holds tokens and may be read by others (mode 0${mode.toString(8)}); run \`chmod 600 ${path}\`.`,
      EXIT.usage,
    );
  return text;
}

/** Throws when the value is no profile. */
function profileOf(value: unknown): Profile {
  const { server, token = null, email = null } = value as Partial<Record<keyof Profile, unknown>>;
  // A token becomes part of a header.
  const isToken = token === null || (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token));
  const isEmail = email === null || typeof email === 'string';
  if (typeof server !== 'string' || !isServerUrl(server) || !isToken || !isEmail)
    throw new TypeError('no profile');
  return { server, token, email };
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

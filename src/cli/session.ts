/** Owns which server a command speaks to, and as whom. */
import { environmentVariable } from '../config.js';
import { Client } from './api/client.js';
import { CliError, EXIT } from './cli-error.js';
import { isServerUrl, readProfiles, type Profile, type Profiles } from './profiles.js';

const DEFAULT_SERVER = 'http://127.0.0.1:8000';
const DEFAULT_PROFILE = 'default';

/** Options that every command has. */
export interface CommonOptions {
  server?: string;
  profile?: string;
  namespace?: string;
  json?: boolean;
}

/** A server, and who one is to it. */
export interface Connection {
  /** URL without a slash at its end. */
  server: string;
  /** Null for none. */
  token: string | null;
}

/** Name of the profile that `--profile` names, else GLAMBDAR_PROFILE. */
export function profileName(options: CommonOptions): string {
  return namedProfile(options) ?? DEFAULT_PROFILE;
}

/**
 * The server is that of `--server`, else of `--profile`, else of GLAMBDAR_URL, else of the profile that GLAMBDAR_PROFILE names,
 * else of the default profile. A profile's token goes to that profile's server and to no other, GLAMBDAR_TOKEN to the server of
 * no profile that the command line names. Throws CliError for a profile that does not exist, and for what is no URL.
 */
export function connectionOf(options: CommonOptions): Connection {
  const profiles = readProfiles();
  const profile = existingProfile(profiles, options);
  if (options.profile !== undefined && profile !== undefined) {
    const named = options.server === undefined ? profile.server : urlOf(options.server);
    if (!isSameServer(profile.server, named)) throw twoServers(options.profile, profile, named);
    return { server: withoutSlash(named), token: profile.token };
  }
  const server = urlOf(
    options.server ?? (environmentVariable('GLAMBDAR_URL') || profile?.server || DEFAULT_SERVER),
  );
  const isOwn = profile !== undefined && isSameServer(profile.server, server);
  return { server, token: environmentVariable('GLAMBDAR_TOKEN') || (isOwn ? profile.token : null) };
}

/** The server to sign in to: as `connectionOf` chooses it, but the profile may be a new one, or get another server. */
export function serverToSignInTo(options: CommonOptions): string {
  if (options.server !== undefined) return urlOf(options.server);
  const profiles = readProfiles();
  const variable = environmentVariable('GLAMBDAR_URL');
  const isNew = !Object.hasOwn(profiles, profileName(options));
  return variable && isNew ? urlOf(variable) : connectionOf(options).server;
}

/** A client for the chosen server. */
export function clientOf(options: CommonOptions): Client {
  const { server, token } = connectionOf(options);
  return new Client(server, token, options.namespace ?? null);
}

function namedProfile({ profile }: CommonOptions): string | undefined {
  return profile ?? (environmentVariable('GLAMBDAR_PROFILE') || undefined);
}

/** Undefined when none is named and there is no default one. */
function existingProfile(profiles: Profiles, options: CommonOptions): Profile | undefined {
  const name = profileName(options);
  if (Object.hasOwn(profiles, name)) return profiles[name];
  if (namedProfile(options) === undefined) return undefined;
  const names = Object.keys(profiles);
  throw new CliError(
    `There is no profile "${name}"; there are ${names.length === 0 ? 'none' : names.join(', ')}. ` +
      `\`glambdar login --profile ${name || 'NAME'} --server URL\` makes it.`,
    EXIT.usage,
  );
}

function twoServers(name: string, { server }: Profile, named: string): CliError {
  return new CliError(
    `The profile "${name}" is of ${server}, and --server names ${named}. Leave one of the two away, or sign in there: ` +
      `\`glambdar login --profile ${name} --server ${named}\`.`,
    EXIT.usage,
  );
}

function urlOf(text: string): string {
  if (!isServerUrl(text))
    throw new CliError(`"${text}" is no server's URL; write it like ${DEFAULT_SERVER}.`, EXIT.usage);
  return withoutSlash(text);
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function isSameServer(one: string, other: string): boolean {
  return new URL(one).origin === new URL(other).origin;
}

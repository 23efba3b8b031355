/** Owns which server a command speaks to, and as whom. */
import { environmentVariable } from '../config.js';
import { Client } from './api/client.js';
import { CliError, EXIT } from './cli-error.js';
import { readProfiles } from './profiles.js';

const DEFAULT_SERVER = 'http://127.0.0.1:8000';

/** Options that every command has. */
export interface CommonOptions {
  server?: string;
  profile?: string;
  namespace?: string;
  json?: boolean;
}

/** Name of the profile that the options choose. */
export function profileName({ profile }: CommonOptions): string {
  return profile ?? 'default';
}

/** The server's URL: `--server`, else GLAMBDAR_URL, else the profile's, else the default. Throws CliError for what is no URL. */
export function serverOf(options: CommonOptions): string {
  const given = options.server ?? environmentVariable('GLAMBDAR_URL');
  const profile = readProfiles()[profileName(options)];
  if (options.profile !== undefined && given === undefined && profile === undefined)
    throw new CliError(
      `There is no profile "${options.profile}"; make it with \`glambdar login --profile ${options.profile} --server URL\`.`,
      EXIT.usage,
    );
  const text = given || profile?.server || DEFAULT_SERVER;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new CliError(`"${text}" is no server's URL; write it like ${DEFAULT_SERVER}.`, EXIT.usage);
  return text.replace(/\/+$/, '');
}

/** A client for the chosen server. A profile's token goes to that profile's server and to no other. */
export function clientOf(options: CommonOptions): Client {
  const server = serverOf(options);
  const profile = readProfiles()[profileName(options)];
  const own = profile !== undefined && new URL(profile.server).origin === new URL(server).origin;
  const token = environmentVariable('GLAMBDAR_TOKEN') || (own ? profile.token : null);
  return new Client(server, token, options.namespace ?? null);
}

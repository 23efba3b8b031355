/** Owns the configuration: the only reader of process.env. Every variable is in docs/configuration.md. */
import { BlockList, isIP } from 'node:net';
import { availableParallelism, homedir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Quota } from './model/account/quota.js';
import { nearName } from './model/near-name.js';

const MIB = 1024 * 1024;

export interface Config {
  /** Absolute path of the data directory. */
  dir: string;
  host: string;
  /** 0 = any free port. */
  port: number;
  publicUrl: URL | null;
  /** Whether requests need a token or a key. */
  auth: boolean;
  /** Whether anybody may register as a user. */
  registration: boolean;
  /** Signs the tokens of users; null: the secret in the data directory. */
  tokenSecret: string | null;
  /** The network of functions that name none. */
  defaultNetwork: 'none' | 'bridge';
  /** What each namespace may take, unless an admin gave it a quota of its own. */
  quota: Quota;
  /** The listener for functions; null = there is none. */
  functions: FunctionsListenerConfig | null;
  /** The proxies whose `X-Forwarded-For`, `-Proto` and `-Host` count. */
  trustedProxies: BlockList;
  dockerHost: string | null;
  image: string | null;
  runtime: string | null;
  /** Absolute path of a file with logins at registries, in the form of Docker's `config.json`. */
  registryAuth: string;
  maxBodyBytes: number;
  /** Limit for all bodies of calls together, from their arrival to the end of their call. */
  maxBodiesBytes: number;
  maxZipBytes: number;
  maxUnpackedBytes: number;
  maxEntries: number;
  /** The registry that dependencies come from; null: what npm on this machine is configured with. */
  npmRegistry: URL | null;
  installTimeoutMs: number;
  maxInstances: number;
  maxStarting: number;
  standby: number;
  memoryBudgetMb: number;
  maxQueue: number;
  queueTimeoutMs: number;
  startTimeoutMs: number;
  loadTimeoutMs: number;
  keepAliveMs: number;
  cancelGraceMs: number;
  shutdownMs: number;
  requestTimeoutMs: number;
  maxConnections: number;
  keepRecords: number;
  uidBase: number;
  diskReserveMb: number;
  logLevel: string;
  /** The fault point at which the process kills itself, for tests of crash safety. */
  fault: string | null;
}

export interface FunctionsListenerConfig {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** The domain below which every function has a host name, in lower case; null = functions are found by path alone. */
  domain: string | null;
}

/** A variable has an unusable value or an unknown name; the message, for the operator, names the variable. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** Directory of the checkout, in which this file is `src/config.ts` or `dist/src/config.js`. */
const CHECKOUT = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '..' : '../..', import.meta.url));

/** As many instances as fit into half of the memory at 128 MB each, but no more than a Docker daemon handles well. */
const DEFAULT_INSTANCES = Math.max(4, Math.min(64, Math.floor(totalmem() / 2 / (128 * MIB))));

/** How many first calls of a function may come at once and should all find a container. */
const BURST = 8;

/** The most memory that a container without code takes. */
const STANDBY_MB = 24;

/** A quarter of the machine's memory: idle instances should leave most of it to calls. */
const DEFAULT_BUDGET_MB = Math.floor(totalmem() / 4 / MIB);

/**
 * Reads the configuration. Throws ConfigError for the first variable that is wrong. An unknown GLAMBDAR_* name is an error,
 * too: a misspelt limit must not be silently absent.
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const read = new Set<string>();
  const text = (name: string): string | null => {
    read.add(name);
    const value = env[name];
    return value === undefined || value === '' ? null : value;
  };
  const whole = (name: string, fallback: number, min: number, max: number): number => {
    const value = text(name);
    if (value === null) return fallback;
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max)
      throw new ConfigError(
        `${name} is ${JSON.stringify(value)}; expected a whole number from ${min} to ${max}.`,
      );
    return number;
  };
  /** A limit, of which 0 means none. */
  const limit = (name: string, unit = 1): number | null => whole(name, 0, 0, 1_000_000_000) * unit || null;
  const oneOf = (name: string, fallback: string, values: readonly string[]): string => {
    const value = text(name) ?? fallback;
    if (!values.includes(value))
      throw new ConfigError(`${name} is ${JSON.stringify(value)}; expected one of ${values.join(', ')}.`);
    return value;
  };

  const config: Config = {
    dir: resolve(text('GLAMBDAR_DIR') ?? CHECKOUT),
    host: hostOf('GLAMBDAR_HOST', text('GLAMBDAR_HOST') ?? '127.0.0.1'),
    port: whole('GLAMBDAR_PORT', 8000, 0, 65_535),
    publicUrl: urlOf('GLAMBDAR_PUBLIC_URL', text('GLAMBDAR_PUBLIC_URL')),
    auth: oneOf('GLAMBDAR_AUTH', 'off', ['on', 'off']) === 'on',
    registration: oneOf('GLAMBDAR_REGISTRATION', 'on', ['on', 'off']) === 'on',
    tokenSecret: secretOf('GLAMBDAR_TOKEN_SECRET', text('GLAMBDAR_TOKEN_SECRET')),
    quota: {
      functions: limit('GLAMBDAR_QUOTA_FUNCTIONS'),
      bundleBytes: limit('GLAMBDAR_QUOTA_CODE_MB', MIB),
      concurrentCalls: limit('GLAMBDAR_QUOTA_CONCURRENT_CALLS'),
      callsPerMinute: limit('GLAMBDAR_QUOTA_CALLS_PER_MINUTE'),
    },
    defaultNetwork: oneOf('GLAMBDAR_DEFAULT_NETWORK', 'none', ['none', 'bridge']) as Config['defaultNetwork'],
    functions: null,
    trustedProxies: addressesOf('GLAMBDAR_TRUSTED_PROXIES', text('GLAMBDAR_TRUSTED_PROXIES')),
    dockerHost: text('DOCKER_HOST'),
    image: text('GLAMBDAR_IMAGE'),
    runtime: text('GLAMBDAR_RUNTIME'),
    registryAuth: resolve(
      text('GLAMBDAR_REGISTRY_AUTH') ??
        join(env['DOCKER_CONFIG'] || join(homedir(), '.docker'), 'config.json'),
    ),
    maxBodyBytes: whole('GLAMBDAR_MAX_BODY_BYTES', 6 * MIB, 1, 512 * MIB),
    maxBodiesBytes: whole('GLAMBDAR_MAX_BODIES_MB', 256, 1, 1_000_000) * MIB,
    maxZipBytes: whole('GLAMBDAR_MAX_ZIP_MB', 50, 1, 1024) * MIB,
    maxUnpackedBytes: whole('GLAMBDAR_MAX_UNPACKED_MB', 250, 1, 8192) * MIB,
    maxEntries: whole('GLAMBDAR_MAX_ENTRIES', 20_000, 1, 1_000_000),
    npmRegistry: urlOf('GLAMBDAR_NPM_REGISTRY', text('GLAMBDAR_NPM_REGISTRY')),
    installTimeoutMs: whole('GLAMBDAR_INSTALL_TIMEOUT_MS', 300_000, 1_000, 3_600_000),
    maxInstances: whole('GLAMBDAR_MAX_INSTANCES', DEFAULT_INSTANCES, 1, 1_000),
    maxStarting: whole('GLAMBDAR_MAX_STARTING', 2 * availableParallelism(), 1, 100),
    standby: 0,
    memoryBudgetMb: whole('GLAMBDAR_MEMORY_BUDGET_MB', DEFAULT_BUDGET_MB, 0, 10_000_000),
    maxQueue: whole('GLAMBDAR_MAX_QUEUE', 500, 0, 100_000),
    queueTimeoutMs: whole('GLAMBDAR_QUEUE_TIMEOUT_MS', 30_000, 100, 900_000),
    startTimeoutMs: whole('GLAMBDAR_START_TIMEOUT_MS', 15_000, 500, 120_000),
    loadTimeoutMs: whole('GLAMBDAR_LOAD_TIMEOUT_MS', 10_000, 100, 120_000),
    keepAliveMs: whole('GLAMBDAR_KEEP_ALIVE_MS', 600_000, 0, 86_400_000),
    cancelGraceMs: whole('GLAMBDAR_CANCEL_GRACE_MS', 1_000, 0, 60_000),
    shutdownMs: whole('GLAMBDAR_SHUTDOWN_MS', 30_000, 0, 900_000),
    requestTimeoutMs: whole('GLAMBDAR_REQUEST_TIMEOUT_MS', 60_000, 1_000, 3_600_000),
    maxConnections: whole('GLAMBDAR_MAX_CONNECTIONS', 1_024, 1, 100_000),
    keepRecords: whole('GLAMBDAR_KEEP_RECORDS', 1_000, 1, 1_000_000),
    uidBase: whole('GLAMBDAR_UID_BASE', 200_000, 1_000, 2_000_000_000),
    diskReserveMb: whole('GLAMBDAR_DISK_RESERVE_MB', 16, 1, 10_240),
    logLevel: oneOf('GLAMBDAR_LOG_LEVEL', 'info', [
      'trace',
      'debug',
      'info',
      'warn',
      'error',
      'fatal',
      'silent',
    ]),
    fault: text('GLAMBDAR_FAULT'),
  };
  config.functions = functionsListener(text, whole);
  refuseOpenHost(config);
  config.standby = whole('GLAMBDAR_STANDBY', defaultStandby(config), 0, 1_000);
  if (config.maxBodiesBytes < 2 * config.maxBodyBytes)
    throw new ConfigError(
      `GLAMBDAR_MAX_BODIES_MB is ${config.maxBodiesBytes / MIB}; expected room for a call's body and its answer, twice ` +
        `GLAMBDAR_MAX_BODY_BYTES: ${Math.ceil((2 * config.maxBodyBytes) / MIB)} or more.`,
    );
  // These belong to the command line: the server it speaks to, a token or key for that server, and the profile with both.
  for (const name of ['GLAMBDAR_URL', 'GLAMBDAR_TOKEN', 'GLAMBDAR_PROFILE']) read.add(name);
  const unknown = Object.keys(env).find((name) => name.startsWith('GLAMBDAR_') && !read.has(name));
  if (unknown !== undefined) throw new ConfigError(unknownVariable(unknown, read));
  return config;
}

/** Names the setting that was probably meant. The beginning that all settings share says nothing of it. */
function unknownVariable(name: string, known: Set<string>): string {
  const own = (variable: string): string => variable.slice('GLAMBDAR_'.length);
  const near = nearName(own(name), [...known].filter((one) => one.startsWith('GLAMBDAR_')).map(own));
  const meant = near === undefined ? '' : ` Did you mean GLAMBDAR_${near}?`;
  return `${name} is not a setting of this server.${meant} docs/configuration.md lists them all.`;
}

/** A variable of the environment that is no setting of this server, but one that this machine's npm would heed, too. */
export function environmentVariable(name: string): string | undefined {
  return process.env[name];
}

/** Sets a variable before `readConfig` reads it: flags of the command line become variables. */
export function setEnvironmentVariable(name: string, value: string): void {
  process.env[name] = value;
}

/** As many standbys as absorb a burst on a fresh deploy, within half of the places and half of the memory for idle instances. */
function defaultStandby({ maxInstances, memoryBudgetMb }: Config): number {
  const most = Math.min(maxInstances / 2, memoryBudgetMb / 2 / STANDBY_MB);
  return Math.max(1, Math.min(Math.max(BURST, availableParallelism()), Math.floor(most)));
}

/** Without accounts whoever reaches the address can run code, so only this machine may reach it. */
function refuseOpenHost({ auth, host }: Config): void {
  if (auth || host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))) return;
  throw new ConfigError(
    `GLAMBDAR_HOST is "${host}", and accounts are off: whoever reaches that address could deploy and run code. Set ` +
      'GLAMBDAR_AUTH=on, also in a container behind a published port, or listen on 127.0.0.1.',
  );
}

/** The value is not repeated in the error: it is a secret. */
function secretOf(name: string, value: string | null): string | null {
  if (value !== null && Buffer.byteLength(value) < 32)
    throw new ConfigError(`${name} is too short; expected a random text of 32 bytes or more.`);
  return value;
}

type Text = (name: string) => string | null;
type Whole = (name: string, fallback: number, min: number, max: number) => number;

function functionsListener(text: Text, whole: Whole): FunctionsListenerConfig | null {
  const host = text('GLAMBDAR_FUNCTIONS_HOST');
  const domain = text('GLAMBDAR_FUNCTIONS_DOMAIN');
  if (text('GLAMBDAR_FUNCTIONS_PORT') === null) {
    const [name] = [host && 'GLAMBDAR_FUNCTIONS_HOST', domain && 'GLAMBDAR_FUNCTIONS_DOMAIN'].filter(Boolean);
    if (name) throw new ConfigError(`${name} says nothing without GLAMBDAR_FUNCTIONS_PORT; set that, too.`);
    return null;
  }
  return {
    host: hostOf('GLAMBDAR_FUNCTIONS_HOST', host ?? '127.0.0.1'),
    port: whole('GLAMBDAR_FUNCTIONS_PORT', 0, 0, 65_535),
    domain: domain === null ? null : domainOf('GLAMBDAR_FUNCTIONS_DOMAIN', domain),
  };
}

function hostOf(name: string, value: string): string {
  if (!/^[A-Za-z0-9.:_-]{1,253}$/.test(value))
    throw new ConfigError(
      `${name} is ${JSON.stringify(value)}; expected an address such as 127.0.0.1, ::1 or 0.0.0.0.`,
    );
  return value;
}

/** A domain in lower case. A function's label and the dot behind it must fit before it. */
function domainOf(name: string, value: string): string {
  const domain = value.toLowerCase();
  const labels = domain.split('.');
  const isLabel = (label: string): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label);
  if (domain.length > 189 || !labels.every(isLabel) || isIP(domain) !== 0)
    throw new ConfigError(
      `${name} is ${JSON.stringify(value)}; expected a domain such as fn.example.com, without a port.`,
    );
  return domain;
}

/** Addresses and networks, separated by commas. */
function addressesOf(name: string, value: string | null): BlockList {
  const list = new BlockList();
  for (const entry of value?.split(',').map((part) => part.trim()) ?? []) {
    const [, address = '', prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const version = isIP(address);
    const bits = version === 6 ? 128 : 32;
    if (version === 0 || address.includes('%') || Number(prefix ?? 0) > bits)
      throw new ConfigError(
        `${name} is ${JSON.stringify(value)}; expected addresses or networks, separated by commas, such as 127.0.0.1,10.0.0.0/8.`,
      );
    list.addSubnet(address, prefix === undefined ? bits : Number(prefix), version === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

function urlOf(name: string, value: string | null): URL | null {
  if (value === null) return null;
  const url = URL.parse?.(value) ?? (URL.canParse(value) ? new URL(value) : null);
  if (
    !url ||
    !['http:', 'https:'].includes(url.protocol) ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== '' ||
    url.password !== ''
  )
    throw new ConfigError(
      `${name} is ${JSON.stringify(value)}; expected a URL such as https://functions.example.org.`,
    );
  return url;
}

/** Owns a function's settings: their defaults, their limits, and reading them from what clients send (docs/functions.md "Settings"). */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { GlambdarError } from '../../errors.js';
import { printable } from '../printable.js';
import { CONTRACT_NAMES, type ContractName } from '../contracts.js';
import { CORS_EXPECTED, corsSchema, type CorsSettings } from './cors.js';

/** Settings of a function (docs/functions.md "Settings"). */
export interface FunctionSettings {
  memoryMb: number;
  cpus: number;
  timeoutMs: number;
  /** How many calls may run at once; null = no limit of the function's own. */
  maxConcurrency: number | null;
  /** Requests per second; 0 = no limit. */
  rateLimit: number;
  /** "invocation": a fresh container for every call. "function": containers are reused, one call at a time. */
  isolation: 'invocation' | 'function';
  network: 'none' | 'bridge';
  env: Record<string, string>;
  /** "file.export", or null for the default look-up. */
  handler: string | null;
  contract: ContractName;
  /** Loaded, never-used containers to keep; null = automatic. */
  standby: number | null;
  /** Whether packages that a deploy installs may run their install scripts. */
  installScripts: boolean;
  /** Whether anybody may call the function without an account, and through the listener for functions. */
  public: boolean;
  /** Which pages of other origins may call the function through the listener for functions; null = the function decides. */
  cors: CorsSettings | null;
}

/** Settings of the container or of the code loaded into it: changing one makes a new version. */
const VERSIONED = ['memoryMb', 'cpus', 'network', 'env', 'handler', 'contract'] as const;

const MAX_ENV_BYTES = 32 * 1024;
const ENV_TOO_LARGE = `all variables together may take ${MAX_ENV_BYTES} bytes`;

const shape = {
  memoryMb: z.number().int().min(64).max(10_240),
  cpus: z.number().min(0.1).max(Math.max(1, availableParallelism())),
  timeoutMs: z.number().int().min(100).max(900_000),
  maxConcurrency: z.number().int().min(1).max(10_000).nullable(),
  rateLimit: z.number().min(0).max(1_000_000),
  isolation: z.enum(['invocation', 'function']),
  network: z.enum(['none', 'bridge']),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'names are letters, digits and _'),
      z.string().nullable(),
    )
    .refine(isEnvOfLegalSize, ENV_TOO_LARGE)
    .refine(
      (env) => !Object.values(env).some((value) => value?.includes('\0')),
      'values may not contain NUL',
    ),
  handler: z
    .string()
    .max(512)
    .regex(/^[^\0]+\.[A-Za-z_$][\w$]*$/, 'expected "file.export", e.g. "src/app.handler"')
    .nullable(),
  contract: z.enum(CONTRACT_NAMES),
  standby: z.number().int().min(0).max(1_000).nullable(),
  installScripts: z.boolean(),
  public: z.boolean(),
  cors: corsSchema,
} satisfies Record<keyof FunctionSettings, z.ZodType>;

/** The expected value of each setting, for the error about a wrong one. */
export const EXPECTED: Record<keyof FunctionSettings, string> = {
  memoryMb: 'a whole number from 64 to 10240',
  cpus: `a number from 0.1 to ${Math.max(1, availableParallelism())}, the cores of this machine`,
  timeoutMs: 'a whole number from 100 to 900000',
  maxConcurrency: 'a whole number from 1 to 10000, or null for no limit',
  rateLimit: 'a number of requests per second from 0 (no limit) to 1000000',
  isolation: '"invocation" or "function"',
  network: '"none" or "bridge"',
  env: 'a JSON object of strings whose names are letters, digits and _, with null for a variable that shall go',
  handler: '"file.export", e.g. "src/app.handler", or null',
  contract: CONTRACT_NAMES.map((name) => `"${name}"`).join(' or '),
  standby: 'a whole number from 0 to 1000, or null for automatic',
  installScripts: 'true or false',
  public: 'true or false',
  cors: CORS_EXPECTED,
};

/** Some of the settings, as clients send them. */
export const patchSchema = z.strictObject(shape).partial();

export const DEFAULT_SETTINGS: Readonly<FunctionSettings> = {
  memoryMb: 128,
  cpus: 0.5,
  timeoutMs: 30_000,
  maxConcurrency: null,
  rateLimit: 0,
  isolation: 'invocation',
  network: 'none',
  env: {},
  handler: null,
  contract: 'glambdar',
  standby: null,
  installScripts: false,
  public: false,
  cors: null,
};

/** Settings that may be null: whether another value has the setting's type. */
const NULLABLE: Partial<Record<keyof FunctionSettings, (value: unknown) => boolean>> = {
  maxConcurrency: (value) => typeof value === 'number',
  handler: (value) => typeof value === 'string',
  standby: (value) => typeof value === 'number',
  cors: (value) => corsSchema.safeParse(value).success,
};

/** The source of settings that are text fields of a deploy's form, beside those that are no settings. */
const FORM_FIELD = 'form field';

/** Settings whose form field is JSON: what it must be, for the error about another text. */
const JSON_FIELDS: Partial<Record<string, string>> = {
  env: 'a JSON object of strings, e.g. {"KEY":"value"}',
  cors: 'a JSON object, e.g. {"origins":["https://app.example.com"]}',
};

/**
 * Whether settings read from a file could have been written by this program: every known setting has a value of its type.
 * Limits are not checked: what was allowed on another machine, which had more cores, must not make the function unreadable.
 */
export function haveSettingTypes(settings: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(DEFAULT_SETTINGS).every(([key, example]) => {
    const value = settings[key];
    if (value === undefined) return true; // a release without this setting wrote the file
    const hasType = NULLABLE[key as keyof FunctionSettings];
    if (hasType !== undefined) return value === null || hasType(value);
    return typeof value === typeof example && (value === null) === (example === null);
  });
}

/** Some variables of `env`, as a client sends them: others stay, and null removes one. */
export type EnvPatch = Record<string, string | null>;

/** Some of the settings, as a client sends them. */
export type SettingsPatch = Partial<Omit<FunctionSettings, 'env'>> & { env?: EnvPatch };

/**
 * Unknown JSON → settings.
 * @param source where the settings come from, for the error, e.g. "glambdar.json"
 * @throws GlambdarError INVALID_REQUEST naming every wrong setting
 */
export function parseSettingsPatch(value: unknown, source: string): SettingsPatch {
  const result = patchSchema.safeParse(value);
  if (!result.success) {
    const wrong = result.error.issues.map((issue) => describeIssue(issue, source, value)).join('; ');
    throw new GlambdarError('INVALID_REQUEST', `${source}: ${wrong}.`);
  }
  // zod gives optional keys the type "… | undefined"; only keys that were sent are kept.
  return Object.fromEntries(Object.entries(result.data).filter(([, setting]) => setting !== undefined));
}

/**
 * Text fields of a form → settings: numbers, `null`, `true`, `false` and the objects `env` and `cors` are parsed as JSON, all other
 * texts stay.
 * @throws GlambdarError INVALID_REQUEST
 */
export function parseSettingsFields(fields: Record<string, string>): SettingsPatch {
  const values = Object.entries(fields).map(([key, text]): [string, unknown] => {
    if (Object.hasOwn(JSON_FIELDS, key)) return [key, parseJson(key, text)];
    if (text === 'null') return [key, null];
    if (text === 'true' || text === 'false') return [key, text === 'true'];
    if (/^-?\d+(\.\d+)?$/.test(text)) return [key, Number(text)];
    return [key, text];
  });
  return parseSettingsPatch(Object.fromEntries(values), FORM_FIELD);
}

/**
 * The settings in force after a patch, and which of them differ from before. `changed.env` is the whole new environment.
 * @throws GlambdarError INVALID_REQUEST when the variables so far and those of the patch are too large together
 */
export function applySettings(
  base: FunctionSettings,
  { env: envPatch, ...patch }: SettingsPatch,
): { settings: FunctionSettings; changed: Partial<FunctionSettings>; newVersion: boolean } {
  const env = mergeEnv(base.env, envPatch);
  if (envPatch !== undefined && !isEnvOfLegalSize(env))
    throw new GlambdarError(
      'INVALID_REQUEST',
      `env: ${ENV_TOO_LARGE}, those that the function has already included; null removes one.`,
    );
  const settings: FunctionSettings = { ...base, ...patch, env };
  const changedKeys = ([...Object.keys(patch), 'env'] as (keyof FunctionSettings)[]).filter(
    (key) => JSON.stringify(base[key]) !== JSON.stringify(settings[key]),
  );
  const changed = Object.fromEntries(
    changedKeys.map((key) => [key, settings[key]]),
  ) as Partial<FunctionSettings>;
  return {
    settings,
    changed,
    newVersion: changedKeys.some((key) => (VERSIONED as readonly string[]).includes(key)),
  };
}

/** Two patches as one: the second wins, for each variable of `env` by itself. */
export function mergePatches(first: SettingsPatch, second: SettingsPatch): SettingsPatch {
  if (first.env === undefined || second.env === undefined) return { ...first, ...second };
  return { ...first, ...second, env: { ...first.env, ...second.env } };
}

/** The settings of a rollback: those that belong to a version are the version's, all others stay as they are now. */
export function settingsOfVersion(now: FunctionSettings, then: FunctionSettings): FunctionSettings {
  const own = VERSIONED.map((key) => [key, then[key] ?? DEFAULT_SETTINGS[key]] as const);
  return { ...now, ...(Object.fromEntries(own) as Pick<FunctionSettings, (typeof VERSIONED)[number]>) };
}

function mergeEnv(base: Record<string, string>, patch: EnvPatch = {}): Record<string, string> {
  const merged = Object.entries({ ...base, ...patch });
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null));
}

function isEnvOfLegalSize(env: EnvPatch): boolean {
  return Buffer.byteLength(JSON.stringify(env)) <= MAX_ENV_BYTES;
}

function parseJson(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new GlambdarError('INVALID_REQUEST', `form field: ${key} must be ${JSON_FIELDS[key]}.`);
  }
}

function describeIssue(issue: z.core.$ZodIssue, source: string, patch: unknown): string {
  const path = issue.path.map((part) => String(part).slice(0, 64)).join('.');
  const expected = EXPECTED[issue.path[0] as keyof FunctionSettings];
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => JSON.stringify(key.slice(0, 64))).join(', ');
    const known = [...(source === FORM_FIELD ? ['file', 'funcName'] : []), ...Object.keys(shape)];
    return path === ''
      ? `unknown setting ${keys} (known: ${known.join(', ')})`
      : `${path}: unknown part ${keys}; expected ${expected}`;
  }
  if (path === '') return 'expected a JSON object of settings';
  const [setting, variable] = issue.path;
  if (setting === 'env' && variable !== undefined)
    return issue.code === 'invalid_key'
      ? `env: ${printable(String(variable))} is no name of a variable; expected letters, digits and _, and no digit first`
      : `${path}: expected a string, or null to remove the variable`;
  // The refinements of `env` say what is wrong; those of `cors` leave it to the sentence about the whole setting.
  return issue.code === 'custom' && issue.path[0] !== 'cors'
    ? `${path}: ${issue.message}`
    : `${path}: expected ${expected}${givenText(issue, patch)}`;
}

/** What was sent for a setting, shortened. Variables of `env` are not repeated: a value may be meant for nobody's eyes. */
function givenText({ path }: z.core.$ZodIssue, patch: unknown): string {
  const [key] = path;
  if (path.length !== 1 || typeof key !== 'string' || key === 'env') return '';
  const text = JSON.stringify((patch as Record<string, unknown>)[key]);
  return text === undefined ? '' : `; got ${text.length > 64 ? `${text.slice(0, 64)}…` : text}`;
}

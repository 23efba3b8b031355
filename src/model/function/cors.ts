/** Owns the setting `cors`: which pages of other origins may call a function in a browser (docs/publishing.md). */
import { z } from 'zod';

/** The setting with every part given. */
export interface CorsSettings {
  /** Origins such as `https://app.example.com`; `["*"]` means every origin. */
  origins: string[];
  methods: string[];
  /** Names of request headers, in lower case; `["*"]` means every header. */
  headers: string[];
  /** Whether pages may send cookies and see the answer to such a request. */
  credentials: boolean;
  /** How long a browser may remember the answer to a preflight, in seconds. */
  maxAge: number;
}

/** The methods that a function can be called with. */
export const CALL_METHODS: readonly string[] = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];

const MAX_ENTRIES = 100;
const DEFAULT_MAX_AGE_SECONDS = 600;
const MOST_MAX_AGE_SECONDS = 86_400;
const EVERY = '*';

/** What the setting must be, for the error about another value. */
export const CORS_EXPECTED =
  'null, or an object with origins (a list such as ["https://app.example.com"], or ["*"] for every origin), and optionally ' +
  `methods (a list of ${CALL_METHODS.join(', ')}), headers (a list of names, or ["*"]), credentials (true or false; not with ` +
  `origins ["*"]) and maxAge (seconds from 0 to ${MOST_MAX_AGE_SECONDS})`;

/** Exactly what a browser sends as `Origin`: no path, no default port, no upper case, no wildcard within. */
function isOrigin(text: string): boolean {
  return /^https?:\/\/[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function isAloneIfEvery(list: readonly string[]): boolean {
  return list.length === 1 || !list.includes(EVERY);
}

export const corsSchema = z
  .strictObject({
    origins: z
      .array(z.string().refine((text) => text === EVERY || isOrigin(text)))
      .min(1)
      .max(MAX_ENTRIES)
      .refine(isAloneIfEvery),
    methods: z
      .array(z.enum(CALL_METHODS))
      .min(1)
      .max(MAX_ENTRIES)
      .default(() => CALL_METHODS.filter((method) => method !== 'OPTIONS')),
    headers: z
      .array(
        z
          .string()
          .max(128)
          .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)
          .transform((name) => name.toLowerCase()),
      )
      .max(MAX_ENTRIES)
      .refine(isAloneIfEvery)
      .default(() => [EVERY]),
    credentials: z.boolean().default(false),
    maxAge: z.number().int().min(0).max(MOST_MAX_AGE_SECONDS).default(DEFAULT_MAX_AGE_SECONDS),
  })
  // Browsers refuse the pair; naming every origin by echoing it would give every page the visitor's cookies.
  .refine(({ origins, credentials }) => !(credentials && origins.includes(EVERY)), { path: ['credentials'] })
  .nullable();

/** Whether a list of origins or headers stands for all of them. */
export function allowsEvery(list: readonly string[]): boolean {
  return list[0] === EVERY;
}

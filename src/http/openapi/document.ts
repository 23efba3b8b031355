/**
 * Owns the description of the HTTP API in the format OpenAPI 3.1: every route as the routers have it, with the role that it
 * needs; settings as the schema that validates them.
 */
import { ERROR_CODES } from '../../errors.js';
import { settingsJsonSchema } from '../../model/function/settings-schema.js';
import type { RouteNeed } from '../middleware/needs.js';
import { object, ROUTE_NOTES, type RouteNote, type Schema, type Tag } from './route-notes.js';

export interface ApiInfo {
  name: string;
  version: string;
  /** Whether requests need a token or key. */
  hasAccounts: boolean;
}

const STRING: Schema = { type: 'string' };
const ALL_METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** The media type and schema of the errors of each family. */
const ERRORS: Readonly<Record<Tag, readonly [type: string, schema: Schema]>> = {
  accounts: ['application/json', object({ error: STRING })],
  cloudfunc: ['application/json', object({ error: {} })],
  faas: ['application/json', object({ message: STRING })],
  'go-serverless': ['application/json', object({ success: { const: false }, message: STRING, data: {} })],
  invok: ['text/plain', STRING],
  native: [
    'application/json',
    object({ error: STRING, code: { type: 'string', enum: ERROR_CODES }, requestId: STRING }),
  ],
};

/** The description of these routes. Throws for a route about which `route-notes.ts` says nothing. */
export function openApiDocument(
  routes: readonly RouteNeed[],
  { name, version, hasAccounts }: ApiInfo,
): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const [tag, note] = noteOf(route);
    for (const { method, path } of operationsOf(route))
      (paths[path] ??= {})[method] = operation({ method, path, need: route.need, tag, note });
  }
  const { $schema: _, ...settings } = settingsJsonSchema();
  return {
    openapi: '3.1.0',
    info: {
      title: name,
      version,
      description: 'A self-hosted serverless runtime.',
      license: { name: 'MIT' },
    },
    security: hasAccounts ? [{ bearer: [] }] : [],
    tags: Object.keys(ROUTE_NOTES).map((tag) => ({ name: tag })),
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Settings: settings, SettingsFields: fieldsOf(settings) },
    },
  };
}

function noteOf({ method, path }: RouteNeed): [Tag, RouteNote] {
  const key = method === null ? path : `${method} ${path}`;
  for (const [tag, notes] of Object.entries(ROUTE_NOTES)) {
    const note = notes[key];
    if (note !== undefined) return [tag as Tag, note];
  }
  throw new Error(`The route ${key} is not described: add it to src/http/openapi/route-notes.ts.`);
}

/** The operations of a route. A route of calls has several methods, and a second path where more may follow the first. */
function operationsOf({ method, path }: RouteNeed): { method: string; path: string }[] {
  const words = path.split(' ');
  const pattern = words.at(-1) ?? path;
  const methods =
    method !== null
      ? [method.toLowerCase()]
      : words[0] === 'ANY'
        ? ALL_METHODS
        : words.slice(0, -1).map((word) => word.toLowerCase());
  const whole = pattern
    .replace('[/…]', '')
    .replaceAll(/:(\w+)/g, '{$1}')
    .replaceAll(/<(\w+)>/g, '{$1}');
  const templates = pattern.endsWith('[/…]') ? [whole, `${whole}/{rest}`] : [whole];
  return templates.flatMap((template) => methods.map((one) => ({ method: one, path: template })));
}

interface Operation {
  method: string;
  path: string;
  need: RouteNeed['need'];
  tag: Tag;
  note: RouteNote;
}

function operation({ method, path, need, tag, note }: Operation): object {
  const { summary, query = [], body, answer } = note;
  const [status, type, schema = {}] = answer;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: STRING,
  }));
  const inQuery = query.map((name) => ({ name, in: 'query', schema: STRING }));
  const takesBody = body !== undefined && method !== 'get' && method !== 'delete';
  const [errorType, errorSchema] = ERRORS[tag];
  return {
    operationId: `${method}${path.replaceAll(/[^a-zA-Z\d]+/g, '-').replace(/-$/, path.endsWith('/') ? '-slash' : '')}`,
    tags: [tag],
    summary,
    description: need === 'open' ? 'Open to everybody.' : `With accounts, needs the role "${need}".`,
    ...(need === 'open' && { security: [] }),
    parameters: [...inPath, ...inQuery],
    ...(takesBody && { requestBody: { content: { [body[0]]: { schema: body[1] } } } }),
    responses: {
      [status]: { description: 'Success.', ...(type !== undefined && { content: { [type]: { schema } } }) },
      default: { description: 'An error.', content: { [errorType]: { schema: errorSchema } } },
    },
  };
}

/** The settings as text fields of a form, where every value is a text. */
function fieldsOf({ properties }: Record<string, unknown>): Schema {
  const fields = Object.entries(properties as Record<string, { description?: string }>);
  return {
    type: 'object',
    properties: Object.fromEntries(
      fields.map(([name, { description }]) => [name, { type: 'string', description }]),
    ),
  };
}

/**
 * Owns what a description of the HTTP API says of each route beside its method, path and role: a summary, the body it takes
 * and the answer it gives. Routes are grouped by the family whose envelope their errors have.
 */

import type { InvocationView } from '../../invocation/logs.js';

/** A JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

export interface RouteNote {
  summary: string;
  /** Names of parameters in the query, all optional. */
  query?: readonly string[];
  /** Media type and schema of the request's body. */
  body?: readonly [type: string, schema: Schema];
  /** Status of success, and the media type and schema of its body, if it has one. */
  answer: readonly [status: number, type?: string, schema?: Schema];
}

/** The route families, by the name under which the description groups their routes. */
export type Tag = 'accounts' | 'cloudfunc' | 'faas' | 'go-serverless' | 'invok' | 'native';

const JSON_TYPE = 'application/json';
const TEXT = 'text/plain';
const ANY: Schema = {};
const STRING: Schema = { type: 'string' };
const OBJECT: Schema = { type: 'object' };
const LIST: Schema = { type: 'array', items: OBJECT };
const SETTINGS: Schema = { $ref: '#/components/schemas/Settings' };

/** The schema of an object. A member is required unless its name here ends with a question mark. */
export function object(members: Readonly<Record<string, Schema>>): Schema {
  const names = Object.keys(members);
  return {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name.replace(/\?$/, ''), members[name]])),
    required: names.filter((name) => !name.endsWith('?')),
  };
}

const text = (...names: string[]): Schema => object(Object.fromEntries(names.map((name) => [name, STRING])));
const json = (schema: Schema): readonly [string, Schema] => [JSON_TYPE, schema];
const ok = (schema: Schema = OBJECT, status = 200): RouteNote['answer'] => [status, JSON_TYPE, schema];

const BINARY: Schema = { type: 'string', format: 'binary' };
const PUBLIC_URL: Schema = { type: 'string', description: 'Where everybody may call the function.' };
const DEPLOYED = object({
  function: STRING,
  status: STRING,
  version: { type: 'integer' },
  digest: STRING,
  'publicUrl?': PUBLIC_URL,
  'notes?': { type: 'array', items: STRING, description: 'What was installed, and what the settings mean.' },
  'hints?': { type: 'array', items: STRING, description: 'What the author may want to change.' },
});
const NUMBER: Schema = { type: 'number' };
const CALL_RECORD = object({
  id: STRING,
  funcName: STRING,
  version: { type: 'integer' },
  invokedAt: { type: 'string', format: 'date-time' },
  method: { type: ['string', 'null'], description: 'Null in records of earlier releases.' },
  path: { type: ['string', 'null'], description: 'Without the query, and cut when it is long.' },
  status: { type: 'integer' },
  outcome: STRING,
  start: { type: ['string', 'null'] },
  durationMs: NUMBER,
  queueMs: NUMBER,
  startMs: NUMBER,
  loadMs: NUMBER,
  runMs: NUMBER,
  peakMemoryMb: { type: ['number', 'null'] },
  stdout: STRING,
  stderr: STRING,
  error: { type: ['object', 'null'] },
} satisfies Record<keyof InvocationView, Schema>);
const SIGNED_IN = object({ token: STRING, user: text('uuid', 'email') });
const CREDENTIALS = json(text('email', 'password'));
/** The envelope of go-serverless around some data. */
const data = (schema: Schema): Schema =>
  object({ success: { type: 'boolean' }, message: STRING, data: schema });
const ROUTE_BODY = json(text('path', 'function_id'));
const CALL_ANSWER: RouteNote['answer'] = [200, '*/*', ANY];
const FAAS_DEPLOY: RouteNote = {
  summary: 'Deploys a function from a tar in base64.',
  body: json(text('name', 'file')),
  answer: ok(text('invoke')),
};

/** By method and path as in the router; for routes of calls, by their text. */
export const ROUTE_NOTES: Readonly<Record<Tag, Readonly<Record<string, RouteNote>>>> = {
  accounts: {
    'POST /auth/register': { summary: 'Makes an account.', body: CREDENTIALS, answer: ok(SIGNED_IN, 201) },
    'POST /auth/login': { summary: 'Signs in.', body: CREDENTIALS, answer: ok(SIGNED_IN) },
    'POST /auth/logout': { summary: 'Ends the token of the request.', answer: [204] },
    'GET /auth/me': { summary: 'Shows who sends the request.', answer: ok() },
    'GET /auth/users': { summary: 'Lists the users.', answer: ok(ANY) },
    'PATCH /auth/users/:id': {
      summary: 'Changes what a user may do.',
      body: json(object({ 'role?': STRING, 'mayBridge?': { type: 'boolean' } })),
      answer: ok(),
    },
    'DELETE /auth/users/:id': { summary: 'Removes a user.', answer: [204] },
    'POST /auth/keys': {
      summary: 'Makes an API key, which is shown once.',
      body: json(OBJECT),
      answer: ok(OBJECT, 201),
    },
    'GET /auth/keys': { summary: 'Lists the API keys, without their secrets.', answer: ok(ANY) },
    'PATCH /auth/keys/:id': { summary: 'Changes an API key.', body: json(OBJECT), answer: ok() },
    'DELETE /auth/keys/:id': { summary: 'Ends an API key.', answer: [204] },
    'GET /auth/audit': { summary: 'Lists who changed what.', answer: ok(ANY) },
    'GET /auth/quota': { summary: 'Shows the quota of the namespace and its use.', answer: ok() },
    'GET /auth/quotas': { summary: 'Lists the quotas of all namespaces.', answer: ok(ANY) },
    'PUT /auth/quotas/:namespace': {
      summary: 'Sets the quota of a namespace.',
      body: json(OBJECT),
      answer: ok(),
    },
    'DELETE /auth/quotas/:namespace': {
      summary: "Gives a namespace the server's own quota again.",
      answer: ok(),
    },
  },
  cloudfunc: {
    'POST /invoke': {
      summary: 'Calls a function with a payload.',
      body: json(object({ function_name: STRING, payload: ANY })),
      answer: ok(object({ function: STRING, result: ANY })),
    },
    'POST /registerFunction': {
      summary: 'Registers an image as a function.',
      body: json(text('name', 'owner', 'image')),
      answer: ok(object({ message: STRING, data: OBJECT })),
    },
    'GET /functions': { summary: 'Lists the registered functions.', answer: ok(LIST) },
    'GET /function/:name': { summary: 'Shows a registered function.', answer: ok() },
    'POST /execute': {
      summary: 'Runs an image with a payload.',
      body: json(object({ image: STRING, 'payload?': ANY })),
      answer: ok(object({ output: ANY, status: STRING })),
    },
  },
  faas: {
    'GET /ping': { summary: 'Answers.', answer: ok(text('message')) },
    'POST /functions': FAAS_DEPLOY,
    'POST /functions/': FAAS_DEPLOY,
    'POST /functions/:name': {
      summary: 'Calls a function; its answer is in a string.',
      body: json(ANY),
      answer: ok(text('response')),
    },
  },
  'go-serverless': {
    'POST /r/<path>': { summary: 'Calls the function of a route.', body: ['*/*', ANY], answer: ok(ANY) },
    'GET /v1/functions': { summary: 'Lists the functions.', answer: ok(data(LIST)) },
    'POST /v1/functions': {
      summary: 'Makes a function of an image, or changes one.',
      body: json(object({ image: STRING, 'environment?': OBJECT, 'id?': STRING })),
      answer: ok(data(OBJECT), 201),
    },
    'GET /v1/functions/:id': { summary: 'Shows a function.', answer: ok(data(OBJECT)) },
    'DELETE /v1/functions/:id': { summary: 'Removes a function without routes.', answer: ok(data(ANY)) },
    'POST /v1/functions/:id/pull': { summary: "Pulls the function's image again.", answer: ok(data(ANY)) },
    'GET /v1/routes': { summary: 'Lists the routes.', answer: ok(data(LIST)) },
    'POST /v1/routes': { summary: 'Leads a path to a function.', body: ROUTE_BODY, answer: ok(data(OBJECT)) },
    'GET /v1/routes/:id': { summary: 'Shows a route.', answer: ok(data(OBJECT)) },
    'PUT /v1/routes/:id': { summary: 'Changes a route.', body: ROUTE_BODY, answer: ok(data(OBJECT)) },
    'DELETE /v1/routes/:id': { summary: 'Removes a route.', answer: ok(data(ANY)) },
  },
  invok: {
    'ANY /invok/:namespace/:name[/…]': {
      summary: 'Calls a function of a namespace, and answers as the function does.',
      body: ['*/*', ANY],
      answer: CALL_ANSWER,
    },
    'GET /invok/list': { summary: 'Lists the functions of the sender.', answer: ok(LIST) },
    'POST /invok/deploy': {
      summary: 'Deploys the first zip of a form.',
      body: ['multipart/form-data', object({ file: BINARY })],
      answer: [200, TEXT, STRING],
    },
    'GET /invok/logs/:namespace/:name': {
      summary: 'Streams what a function writes.',
      answer: [200, 'text/event-stream', STRING],
    },
  },
  native: {
    'GET POST PUT PATCH DELETE /invoke/:name[/…]': {
      summary: 'Calls a function, and answers as the function does.',
      body: ['*/*', ANY],
      answer: CALL_ANSWER,
    },
    'POST /deploy': {
      summary: 'Deploys an archive as a new version of a function. Text fields may be settings.',
      body: [
        'multipart/form-data',
        {
          allOf: [
            object({ file: BINARY, 'funcName?': STRING }),
            { $ref: '#/components/schemas/SettingsFields' },
          ],
        },
      ],
      answer: ok(DEPLOYED, 201),
    },
    'GET /info': {
      summary: 'Lists the functions.',
      answer: ok(object({ count: { type: 'integer' }, functions: LIST })),
    },
    'GET /info/:name': { summary: 'Shows a function.', answer: ok() },
    'DELETE /del/:name': { summary: 'Removes a function.', answer: ok(text('deleted')) },
    'POST /config/:name': {
      summary: 'Changes settings of a function.',
      body: json(SETTINGS),
      answer: ok(
        object({
          function: STRING,
          status: STRING,
          version: { type: 'integer' },
          'publicUrl?': PUBLIC_URL,
          'notes?': { type: 'array', items: STRING, description: 'What the settings mean.' },
        }),
      ),
    },
    'GET /functions/:name/versions': { summary: 'Lists the kept versions.', answer: ok(ANY) },
    'POST /functions/:name/rollback': {
      summary: 'Makes a kept version the active one.',
      body: json(object({ version: { type: 'integer', minimum: 1 } })),
      answer: ok(DEPLOYED),
    },
    'GET /functions/:name/code': {
      summary: 'Downloads the code of a version.',
      query: ['version'],
      answer: [200, 'application/zip', BINARY],
    },
    'GET /functions/:name/secrets': { summary: 'Lists the names of the secrets.', answer: ok(ANY) },
    'PUT /functions/:name/secrets/:key': {
      summary: 'Sets a secret.',
      body: json(text('value')),
      answer: [204],
    },
    'DELETE /functions/:name/secrets/:key': { summary: 'Removes a secret.', answer: [204] },
    'GET /logs/:name': {
      summary: 'Lists records of calls, newest first; follows them with follow=1.',
      query: ['limit', 'before', 'follow'],
      answer: ok({ type: 'array', items: CALL_RECORD }),
    },
    'GET /invocations/:id': { summary: 'Shows the record of a call.', answer: ok(CALL_RECORD) },
    'GET /healthz': { summary: 'Whether the process answers.', answer: ok() },
    'GET /readyz': { summary: 'Whether calls can be served.', answer: ok() },
    'GET /metrics': { summary: 'Metrics for Prometheus.', answer: [200, TEXT, STRING] },
    'GET /': { summary: 'Name, version and routes.', answer: [200, TEXT, STRING] },
    'GET /openapi.json': { summary: 'This description.', answer: ok() },
  },
};

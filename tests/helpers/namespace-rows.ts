/** Owns what each route is asked when it is tried on something of another namespace: a row for every route of the server. */

/** What a row may name: a function, and what belongs to it and to its owner. */
export interface Target {
  /** Of the function. */
  name: string;
  /** Of a route to it, without its first slash. */
  path: string;
  /** Id of a call of it. */
  call: string;
  /** Id of a route to it. */
  route: string;
  /** Its id in `/v1/functions`. */
  function: string;
  /** Id of a key of its owner. */
  key: string;
  /** UUID of its owner. */
  user: string;
}

/** The request that a route gets for a target. */
export type Row = (target: Target) => { path: string; body?: unknown };

/** By method and pattern; see `rowName`. */
export const namespaceRows: Readonly<Record<string, Row | null>> = {
  // Null: names nothing of a namespace.
  'POST /auth/register': null,
  'POST /auth/login': null,
  'POST /auth/logout': null,
  'GET /auth/me': null,
  'GET /openapi.json': null,
  'GET /healthz': null,
  'GET /readyz': null,
  'GET /ping': null,
  'GET /': null,
  // For admins, who see all namespaces.
  'GET /metrics': () => ({ path: '/metrics' }),
  'GET /auth/audit': () => ({ path: '/auth/audit' }),
  'GET /auth/users': () => ({ path: '/auth/users' }),
  'PATCH /auth/users/:id': ({ user }) => ({ path: `/auth/users/${user}`, body: {} }),
  'DELETE /auth/users/:id': ({ user }) => ({ path: `/auth/users/${user}` }),
  'POST /auth/keys': () => ({ path: '/auth/keys', body: {} }),
  'GET /auth/keys': () => ({ path: '/auth/keys' }),
  'PATCH /auth/keys/:id': ({ key: id }) => ({ path: `/auth/keys/${id}`, body: { name: 'x' } }),
  'DELETE /auth/keys/:id': ({ key: id }) => ({ path: `/auth/keys/${id}` }),
  'POST /deploy': () => ({ path: '/deploy', body: {} }),
  'GET /info': () => ({ path: '/info' }),
  'GET /info/:name': ({ name }) => ({ path: `/info/${name}` }),
  'DELETE /del/:name': ({ name }) => ({ path: `/del/${name}` }),
  'POST /config/:name': ({ name }) => ({ path: `/config/${name}`, body: { timeoutMs: 100 } }),
  'GET /logs/:name': ({ name }) => ({ path: `/logs/${name}` }),
  'GET /invocations/:id': ({ call }) => ({ path: `/invocations/${call}` }),
  'CALL /invoke/:name': ({ name }) => ({ path: `/invoke/${name}` }),
  'CALL /r/<path>': ({ path }) => ({ path: `/r/${path}` }),
  'POST /functions': () => ({ path: '/functions', body: {} }),
  'POST /functions/': () => ({ path: '/functions/', body: {} }),
  'POST /functions/:name': ({ name }) => ({ path: `/functions/${name}`, body: {} }),
  'POST /invoke': ({ name }) => ({ path: '/invoke', body: { function_name: name, payload: 1 } }),
  // In its sender's own namespace, which a success would fill.
  'POST /registerFunction': ({ name }) => ({ path: '/registerFunction', body: { name, image: 7 } }),
  'GET /functions': () => ({ path: '/functions' }),
  'GET /function/:name': ({ name }) => ({ path: `/function/${name}` }),
  'POST /execute': () => ({ path: '/execute', body: {} }),
  'GET /v1/functions': () => ({ path: '/v1/functions' }),
  'POST /v1/functions': ({ function: id }) => ({ path: '/v1/functions', body: { image: 'x', id } }),
  'GET /v1/functions/:id': ({ function: id }) => ({ path: `/v1/functions/${id}` }),
  'DELETE /v1/functions/:id': ({ function: id }) => ({ path: `/v1/functions/${id}` }),
  'POST /v1/functions/:id/pull': ({ function: id }) => ({ path: `/v1/functions/${id}/pull` }),
  'GET /v1/routes': () => ({ path: '/v1/routes' }),
  'POST /v1/routes': ({ function: id }) => ({ path: '/v1/routes', body: { path: '/x', function_id: id } }),
  'GET /v1/routes/:id': ({ route: id }) => ({ path: `/v1/routes/${id}` }),
  'PUT /v1/routes/:id': ({ route: id }) => ({ path: `/v1/routes/${id}`, body: { path: '/y' } }),
  'DELETE /v1/routes/:id': ({ route: id }) => ({ path: `/v1/routes/${id}` }),
  'GET /auth/quota': null,
  'GET /auth/quotas': () => ({ path: '/auth/quotas' }),
  'PUT /auth/quotas/:namespace': ({ user }) => ({
    path: `/auth/quotas/${user}`,
    body: { functions: 1 },
  }),
  'DELETE /auth/quotas/:namespace': ({ user }) => ({ path: `/auth/quotas/${user}` }),
  'CALL /invok/:namespace/:name': ({ user, name }) => ({ path: `/invok/${user}/${name}` }),
  'GET /invok/list': () => ({ path: '/invok/list' }),
  'POST /invok/deploy': () => ({ path: '/invok/deploy', body: {} }),
  'GET /invok/logs/:namespace/:name': ({ user, name }) => ({ path: `/invok/logs/${user}/${name}` }),
  'GET /functions/:name/versions': ({ name }) => ({ path: `/functions/${name}/versions` }),
  'POST /functions/:name/rollback': ({ name }) => ({
    path: `/functions/${name}/rollback`,
    body: { version: 1 },
  }),
  'GET /functions/:name/code': ({ name }) => ({ path: `/functions/${name}/code` }),
  'GET /functions/:name/secrets': ({ name }) => ({ path: `/functions/${name}/secrets` }),
  'PUT /functions/:name/secrets/:key': ({ name }) => ({
    path: `/functions/${name}/secrets/K`,
    body: { value: 'v' },
  }),
  'DELETE /functions/:name/secrets/:key': ({ name }) => ({ path: `/functions/${name}/secrets/K` }),
};

/** The name of a route's row: its method, `CALL` for one that answers several, and its pattern. */
export function rowName({ method, path }: { method: string | null; path: string }): string {
  return method === null ? `CALL ${path.replace(/^.* /, '').replace(/\[.*$/, '')}` : `${method} ${path}`;
}

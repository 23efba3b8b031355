/** Accounts on a real server: tokens that are not ours, two users with the same names, keys that end on open connections. */
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { integration } from '../helpers/integration.js';
import { serverForFile, until, zipOf, type Answer } from '../helpers/server-process.js';

const PASSWORD = 'canary-password-5f1d';
const server = serverForFile({
  env: {
    GLAMBDAR_AUTH: 'on',
    GLAMBDAR_UID_BASE: '530000',
    GLAMBDAR_STANDBY: '2',
    // So that a test chooses the address that it comes from.
    GLAMBDAR_TRUSTED_PROXIES: '127.0.0.1',
  },
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
/** Of the first start, which prints it. */
let adminKey = '';
let addresses = 0;

interface User {
  uuid: string;
  email: string;
  token: string;
}

/** Sends JSON from an address that nobody has used before. */
function send(
  method: string,
  path: string,
  { token, body }: { token?: string; body?: unknown } = {},
): Promise<Answer> {
  return server().request(path, {
    method,
    headers: { 'x-forwarded-for': `192.0.2.${(addresses += 1) % 256}`, ...(token ? bearer(token) : {}) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function register(name: string): Promise<User> {
  const body = { email: `${name}@example.org`, password: PASSWORD };
  const { status, json } = await send('POST', '/auth/register', { body });
  if (status !== 201) throw new Error(`${name} was not registered: ${status}`);
  return { ...json.user, token: json.token };
}

function deploy(
  token: string,
  name: string,
  source: string,
  fields: Record<string, string> = {},
): Promise<Answer> {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.append(key, value);
  form.append('file', new Blob([new Uint8Array(zipOf({ 'index.js': source }))]), `${name}.zip`);
  return server().request('/deploy', { method: 'POST', body: form, headers: bearer(token) });
}

const says = (text: string): string =>
  `exports.handler = async () => { console.log('${text}'); return { body: '${text}' }; };`;

integration(
  'the admin key is printed once, and every file that holds a secret is the server’s alone',
  async (t) => {
    adminKey = /shown this once: (glm_\S+)/.exec(server().stdout)?.[1] ?? '';
    t.regex(adminKey, /^glm_[A-Za-z0-9_-]{43}$/);
    t.is((await send('GET', '/metrics', { token: adminKey })).status, 200);
    for (const name of ['token-secret', 'glambdar.db'])
      t.is(statSync(join(server().dir, name)).mode & 0o777, 0o600, name);
  },
);

integration(
  'tokens that are not ours, or no more, are refused with the sentences of the contract',
  async (t) => {
    const { uuid, token } = await register('tokens');
    t.is((await send('GET', '/info', { token })).status, 200);
    const secret = Buffer.from(readFileSync(join(server().dir, 'token-secret'), 'utf8').trim(), 'base64url');
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = (header: object, claims: object, key: Buffer = secret, hash = 'sha256'): string => {
      const text = `${encode(header)}.${encode(claims)}`;
      return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`;
    };
    const now = Math.floor(Date.now() / 1000);
    const [header, claims] = [
      { alg: 'HS256', typ: 'JWT' },
      { sub: uuid, iat: now, exp: now + 3600, gen: 0 },
    ];
    t.is((await send('GET', '/info', { token: forged(header, claims) })).status, 200, 'the forger knows how');
    for (const [what, bad] of Object.entries({
      'alg none': `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`,
      'another algorithm': forged({ alg: 'HS512', typ: 'JWT' }, claims, secret, 'sha512'),
      'another key': forged(header, claims, Buffer.alloc(32)),
      expired: forged(header, { ...claims, iat: now - 7200, exp: now - 3600 }),
      future: forged(header, { ...claims, iat: now + 3600, exp: now + 7200 }),
      tampered: token.replace(/\.[^.]+\./, `.${encode({ ...claims, exp: now + 9999 })}.`),
    })) {
      const answer = await send('GET', '/info', { token: bad });
      t.is(answer.status, 401, what);
      t.is(answer.json.error, 'Invalid or expired token', what);
    }
    const stranger = forged(header, { ...claims, sub: '00000000-0000-4000-8000-000000000000' });
    t.is((await send('GET', '/info', { token: stranger })).json.error, 'User not found');
    t.is((await send('GET', '/info')).json.error, 'Missing authorization header');
    t.is(
      (await server().request('/info', { headers: { authorization: 'Basic eDp5' } })).json.error,
      'Invalid authorization header format',
    );
  },
);

integration('a key that is ended, and a user who is removed, are refused on open connections', async (t) => {
  const { uuid, token } = await register('leaver');
  t.is((await deploy(token, 'f', says('hi'))).status, 201);
  const { key, id } = (await send('POST', '/auth/keys', { token, body: { name: 'k', scopes: ['invoke:f'] } }))
    .json;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ports = new Set<number | undefined>();
  const call = (headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const req = httpRequest(`${server().url}/invoke/f`, { method: 'POST', agent, headers }, (res) => {
        ports.add(res.socket.localPort);
        res.resume().once('end', () => resolve(res.statusCode ?? 0));
      });
      req.once('error', reject).end();
    });
  for (let count = 0; count < 3; count += 1) t.is(await call({ 'x-api-key': key }), 200);
  t.is((await send('DELETE', `/auth/keys/${id}`, { token })).status, 200);
  t.is(await call({ 'x-api-key': key }), 401);
  t.is(await call(bearer(token)), 200);
  t.is((await send('DELETE', `/auth/users/${uuid}`, { token })).status, 200);
  t.is(await call(bearer(token)), 401);
  t.is(ports.size, 1, 'all on one connection');
});

integration('a deployer gives no function a network', async (t) => {
  const { token } = await register('networker');
  const refused = await deploy(token, 'net', says('hi'), { network: 'bridge' });
  t.is(refused.status, 403);
  t.regex(refused.json.error, /needs the role admin/);
  t.is((await deploy(token, 'net', says('hi'))).status, 201);
  const json = { ...bearer(token), 'content-type': 'application/json' };
  const body = JSON.stringify({ network: 'bridge' });
  t.is((await server().request('/config/net', { method: 'POST', headers: json, body })).status, 403);
});

integration('an unknown address and a wrong password take the same time', async (t) => {
  // Few enough guesses at each that the brakes do not begin.
  const names = ['time1', 'time2', 'time3', 'time4', 'time5', 'time6'];
  for (const name of names) await register(name);
  const times = { unknown: [] as number[], wrong: [] as number[] };
  const tried = async (list: number[], email: string): Promise<void> => {
    const startedAt = performance.now();
    const { status } = await send('POST', '/auth/login', { body: { email, password: 'not this one' } });
    list.push(performance.now() - startedAt);
    t.is(status, 401);
  };
  for (let round = 0; round < 24; round += 1) {
    const wrong = (): Promise<void> => tried(times.wrong, `${names[round % 6]}@example.org`);
    const unknown = (): Promise<void> => tried(times.unknown, `nobody${round}@example.org`);
    // Whatever else the machine does at regular times hits both alike.
    for (const attempt of round % 2 === 0 ? [wrong, unknown] : [unknown, wrong]) await attempt();
  }
  const median = (list: number[]): number => list.sort((a, b) => a - b)[list.length >> 1]!;
  const ratio = median(times.unknown) / median(times.wrong);
  t.log(
    `medians: ${median(times.unknown).toFixed(1)} ms unknown, ${median(times.wrong).toFixed(1)} ms wrong, ratio ${ratio.toFixed(3)}`,
  );
  t.true(ratio < 1.1 && ratio > 1 / 1.1, `${ratio}`);
});

integration(
  'tokens and keys outlive a restart, and an admin key is made anew beside a running server',
  async (t) => {
    const { token } = await register('stayer');
    const { key } = (await send('POST', '/auth/keys', { token, body: { name: 'k' } })).json;
    await server().restart();
    t.notRegex(server().stdout, /Admin key/);
    for (const text of [token, key, adminKey])
      t.is((await send('GET', '/info', { token: text })).status, 200);
    const run = promisify(execFile)(process.execPath, ['--import=tsx', 'src/admin.ts', 'reset-key'], {
      cwd: join(import.meta.dirname, '../..'),
      env: { ...process.env, GLAMBDAR_DIR: server().dir },
    });
    const fresh = (await run).stdout.trim();
    t.is((await send('GET', '/metrics', { token: fresh })).status, 200);
    await until(
      'the old key is over',
      async () => (await send('GET', '/metrics', { token: adminKey })).status === 401,
      3_000,
    );
    t.is((await send('GET', '/info', { token: key })).status, 200, 'the keys of users stay');
    const actions = (await send('GET', '/auth/audit', { token: fresh })).json.map(
      ({ action }: { action: string }) => action,
    );
    for (const action of [
      'user.register',
      'sign-in.failed',
      'function.deploy',
      'key.delete',
      'user.delete',
      'key.create',
    ])
      t.true(actions.includes(action), action);
    // No secret is in any file or log of the server.
    const secrets = [PASSWORD, 'not this one', token, key, fresh];
    for (const file of [
      'glambdar.db',
      'glambdar.db-wal',
      'invocations.db',
      'invocations.db-wal',
      'token-secret',
    ]) {
      if (!readdirSync(server().dir).includes(file)) continue;
      const content = readFileSync(join(server().dir, file), 'latin1');
      for (const secret of secrets) t.false(content.includes(secret), `${file}: ${secret.slice(0, 8)}`);
    }
    for (const secret of [...secrets, adminKey])
      t.false(server().stderr.includes(secret), secret.slice(0, 8));
  },
);

/**
 * Secrets, versions and rollbacks on a real server: values reach the function and take effect for the next call, nothing
 * that the server keeps, answers or tells Docker holds one, and versions come back with their code and settings.
 */
import { existsSync, readFileSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import AdmZip from 'adm-zip';
import Dockerode from 'dockerode';
import ignore from 'ignore';
import type { ExecutionContext } from 'ava';
import { integration } from '../helpers/integration.js';
import { serverForFile, zipOf, type Answer } from '../helpers/server-process.js';

const CANARY = 'canary-5f1c09e7-value';
const server = serverForFile({ env: { GLAMBDAR_UID_BASE: '590000' } });
const docker = new Dockerode({ socketPath: '/var/run/docker.sock', timeout: 20_000 });

const source = (tag: string): string => `
  const { TOKEN = 'none', FROM } = process.env;
  if (process.env.LOUD) console.log('loading with', TOKEN);
  exports.handler = async (req) => {
    const input = await req.json();
    if (input?.do === 'throw') throw new Error('refused: ' + TOKEN);
    if (input?.do === 'crash') { process._rawDebug(TOKEN); process.exit(3); }
    if (input?.do === 'child')
      require('child_process').execFileSync(process.execPath, ['-e', 'console.log(process.env.TOKEN)'], { stdio: 'inherit' });
    if (input?.do === 'print') { for (const c of TOKEN) process.stdout.write(c); console.error({ TOKEN }, JSON.stringify(TOKEN)); }
    return { body: { tag: ${JSON.stringify(tag)}, token: TOKEN.length, FROM } };
  };`;

const put = (name: string, value: string): Promise<Answer> =>
  server().request(`/functions/vault/secrets/${name}`, { method: 'PUT', body: value });
const call = (body: object = {}, name = 'vault'): Promise<Answer> =>
  server().invoke(name, { body: JSON.stringify(body) });
const rollback = (version: number): Promise<Answer> =>
  server().request('/functions/back/rollback', { method: 'POST', body: JSON.stringify({ version }) });

/** Paths of the files below a directory that hold the text, as it is or in base64. */
function filesWith(dir: string, text: string): string[] {
  const forms = [text, Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -1)];
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((path) => {
    const file = join(dir, path);
    if (!existsSync(file) || !statSync(file).isFile()) return false;
    const content = readFileSync(file, 'latin1');
    return forms.some((form) => content.includes(form));
  });
}

async function assertNowhere(t: ExecutionContext, moment: string): Promise<void> {
  t.deepEqual(filesWith(server().dir, CANARY), [], moment);
  t.false(server().stderr.includes(CANARY), `${moment}: the log`);
  for (const { Id } of await server().containers()) {
    const container = docker.getContainer(Id);
    const inspected = await container.inspect().catch(() => null);
    if (inspected === null) continue; // removed meanwhile
    t.false(JSON.stringify(inspected).includes(CANARY), `${moment}: docker inspect`);
    const { pid = 0 } = { pid: inspected.State.Pid };
    if (pid > 0 && existsSync(`/proc/${pid}/environ`))
      t.false(readFileSync(`/proc/${pid}/environ`, 'latin1').includes(CANARY), `${moment}: /proc`);
  }
}

integration('a secret reaches the function at the next call, and is found nowhere else', async (t) => {
  t.timeout(90_000);
  const answers: string[] = [];
  const kept = (answer: Answer): Answer => {
    answers.push(answer.text, JSON.stringify([...answer.headers]));
    return answer;
  };
  await server().deployed('vault', source('one'), { env: { TOKEN: 'env', FROM: 'env' } });
  t.deepEqual((await call()).json, { tag: 'one', token: 3, FROM: 'env' });
  t.is(kept(await put('TOKEN', CANARY)).status, 204);
  t.is(statSync(join(server().dir, 'secrets.key')).mode & 0o777, 0o600);
  t.deepEqual((await call()).json, { tag: 'one', token: CANARY.length, FROM: 'env' }, 'the secret wins');
  await assertNowhere(t, 'after a call');

  for (const what of ['print', 'child', 'throw', 'crash']) kept(await call({ do: what }));
  // A follower gets records as they come.
  const follower = new AbortController();
  const followed = fetch(`${server().url}/logs/vault?follow=1&limit=100`, { signal: follower.signal });
  const reader = (await followed).body!.getReader();
  await call({ do: 'print' });
  let streamed = '';
  while (!streamed.includes('[secret TOKEN]'))
    streamed += Buffer.from((await reader.read()).value).toString();
  follower.abort();
  answers.push(streamed);

  // Code that does not load with its secret is refused without it; so is a redeploy that prints it.
  const refused = kept(await server().deploy('vault', { 'index.js': `throw new Error(process.env.TOKEN)` }));
  t.is(refused.status, 422);
  t.regex(refused.json.error, /\[secret TOKEN\]/);
  await server().deployed('vault', source('two'), { env: { LOUD: '1' } });
  t.deepEqual((await call()).json, { tag: 'two', token: CANARY.length, FROM: 'env' }, 'a redeploy keeps it');

  const gets = [
    '/info',
    '/info/vault',
    '/logs/vault?limit=100',
    '/functions/vault/secrets',
    '/functions/vault/versions',
  ];
  for (const path of [
    ...gets,
    '/functions',
    '/function/vault',
    '/v1/functions',
    '/metrics',
    '/',
    '/functions/vault/code',
  ])
    kept(await server().request(path));
  kept(await server().request('/functions/vault/secrets/TOKEN'));
  kept(await server().request('/config/vault', { method: 'POST', body: '{"env":{"TOKEN":5}}' }));
  const records = (await server().request('/logs/vault?limit=100')).json as {
    id: string;
    stdout: string;
    stderr: string;
  }[];
  for (const { id } of records) kept(await server().request(`/invocations/${id}`));
  const printed = records.map(({ stdout, stderr }) => stdout + stderr).join('\n');
  t.true(printed.split('[secret TOKEN]').length > 6, printed);
  t.regex(printed, /loading with \[secret TOKEN\]/);
  t.deepEqual(
    answers.filter((answer) => answer.includes(CANARY)),
    [],
  );
  const names = (await server().request('/functions/vault/secrets')).json as { name: string }[];
  t.deepEqual(
    names.map(({ name }) => name),
    ['TOKEN'],
  );
  await assertNowhere(t, 'after all calls');

  await server().restart();
  t.deepEqual((await call()).json, { tag: 'two', token: CANARY.length, FROM: 'env' }, 'a restart keeps it');
  await assertNowhere(t, 'after a restart');

  // Without its key file the function is refused, and no other.
  await server().stop();
  renameSync(join(server().dir, 'secrets.key'), join(server().dir, 'key.away'));
  await server().restart();
  const blocked = await call();
  t.is(blocked.status, 503);
  t.is(blocked.json.code, 'SECRETS_UNAVAILABLE');
  t.regex(blocked.json.error, /secrets\.key is missing/);
  await server().deployed('other', source('other'));
  t.is((await server().invoke('other', { body: '{}' })).status, 200);
  renameSync(join(server().dir, 'key.away'), join(server().dir, 'secrets.key'));
  t.is((await call()).status, 200);

  t.is((await server().request('/functions/vault/secrets/TOKEN', { method: 'DELETE' })).status, 204);
  t.deepEqual((await call()).json, { tag: 'two', token: 3, FROM: 'env' }, 'env again');
  await put('TOKEN', CANARY);
  await server().request('/del/vault', { method: 'DELETE' });
  await server().deployed('vault', source('three'));
  t.deepEqual((await call()).json, { tag: 'three', token: 4 }, 'a deleted function takes them along');
  await assertNowhere(t, 'after the delete');
});

integration(
  'a version comes back with its code and settings, also after a kill at any point of it',
  async (t) => {
    t.timeout(90_000);
    const files = { 'index.js': source('first'), 'lib/data.txt': 'data' };
    t.is((await server().deploy('back', zipOf(files), { env: { FROM: 'first' } })).status, 201);
    const first = (await server().request('/info/back')).json as { version: number; digest: string };
    await server().deployed('back', source('second'), { env: { FROM: 'second' } });
    const tag = async (): Promise<unknown> => (await call({}, 'back')).json.tag;
    t.is(await tag(), 'second');

    const back = await rollback(first.version);
    t.is(back.status, 200, back.text);
    t.deepEqual(back.json, {
      function: 'back',
      status: 'deployed',
      version: first.version,
      digest: first.digest,
    });
    t.like((await call({}, 'back')).json, { tag: 'first', FROM: 'first' });
    t.like((await rollback(99)).json, { code: 'VERSION_NOT_FOUND' });

    const { body } = await server().request(`/functions/back/code?version=${first.version}`);
    t.is(new AdmZip(body).readAsText('lib/data.txt'), 'data');
    const again = await server().deploy('again', body);
    t.is(again.json.digest, first.digest, 'the code deploys to the same digest');

    // While calls go on every answer is of the one version or the other, and after a rollback of none but its own.
    let going = true;
    const calls = (async () => {
      const tags = new Set<unknown>();
      while (going) tags.add(await tag());
      return tags;
    })();
    for (const [version, expected] of [
      [first.version + 1, 'second'],
      [first.version, 'first'],
    ] as const) {
      t.is((await rollback(version)).status, 200);
      t.is(await tag(), expected);
    }
    going = false;
    for (const seen of await calls) t.true(seen === 'first' || seen === 'second', String(seen));

    for (const [point, expected] of [
      ['rollback.loaded', 'first'],
      ['rollback.committed', 'second'],
    ] as const) {
      await server().restart({ GLAMBDAR_FAULT: point });
      await t.throwsAsync(rollback(first.version + 1));
      await server().exited();
      await server().restart();
      t.is(await tag(), expected, point);
      t.like(await (await server().request('/functions/back/versions')).json, [
        { version: first.version + 1, active: expected === 'second' },
        { version: first.version, active: expected === 'first' },
      ]);
    }
  },
);

integration(
  'a server that keeps its data in the checkout leaves nothing to commit or to copy into an image',
  async (t) => {
    const root = join(import.meta.dirname, '../..');
    const dir = server().dir;
    t.is((await server().deploy('kept', { 'index.js': source('kept') })).status, 201);
    t.is(
      (await server().request('/functions/kept/secrets/WORD', { method: 'PUT', body: 'kept' })).status,
      204,
    );
    const entries = readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory()
        ? readdirSync(join(dir, entry.name)).map((inner) => `${entry.name}/${inner}`)
        : [entry.name],
    );
    t.true(entries.includes('secrets.key') && entries.includes('reserve-calls.bin'), entries.join());
    // The secret of tokens is there with accounts, copies of packages once there are dependencies.
    entries.push('token-secret', 'dependencies/0123', 'glambdar.db.corrupt-0123', 'lock.db');
    for (const file of ['.gitignore', '.dockerignore']) {
      const rules = ignore().add(readFileSync(join(root, file), 'utf8'));
      t.deepEqual(
        entries.filter((entry) => !rules.ignores(entry)),
        [],
        file,
      );
    }
  },
);

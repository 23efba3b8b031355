/** The API of Invok as its clients see it: the lines of the example's README, two people with functions of one name, and streams of logs. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runDocumented } from '../helpers/documented-lines.js';
import { integration } from '../helpers/integration.js';
import { serverForFile, zipOf, type Answer, type Files } from '../helpers/server-process.js';

const example = join(import.meta.dirname, '../../examples/invok');
const server = serverForFile({
  env: { GLAMBDAR_AUTH: 'on', GLAMBDAR_STANDBY: '2', GLAMBDAR_UID_BASE: '680000' },
});

interface Person {
  uuid: string;
  headers: Record<string, string>;
}

async function register(email: string): Promise<Person> {
  const body = JSON.stringify({ email, password: 'password' });
  const headers = { 'content-type': 'application/json' };
  const answer = await server().request('/auth/register', { method: 'POST', headers, body });
  if (answer.status !== 201) throw new Error(answer.text);
  const { token, user } = answer.json;
  return { uuid: user.uuid, headers: { authorization: `Bearer ${token}` } };
}

function deploy({ headers }: Person, fileName: string, files: Files, fields = {}): Promise<Answer> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, String(value));
  body.append('anything', new Blob([new Uint8Array(zipOf(files))]), fileName);
  return server().request('/invok/deploy', { method: 'POST', headers, body });
}

integration("the lines of the example's README answer what stands below them", async (t) => {
  t.teardown(() => rmSync('/tmp/greet.zip', { force: true }));
  const { said, expected } = await runDocumented(example, server().url);
  t.is(expected.length, 10);
  t.deepEqual(said, expected);
});

integration('two people use one name for two functions, and neither reaches the other’s', async (t) => {
  const [ada, bob] = [await register('ada@two.example'), await register('bob@two.example')];
  for (const [person, word] of [
    [ada, 'of Ada'],
    [bob, 'of Bob'],
  ] as const) {
    const code = `exports.handler = () => { console.log('${word}'); return { body: '${word}' }; };`;
    t.is((await deploy(person, 'same.zip', { 'index.js': code })).status, 200);
  }
  const call = ({ uuid }: Person, headers = {}) => server().request(`/invok/${uuid}/same`, { headers });
  t.is((await call(ada, ada.headers)).text, 'of Ada');
  t.is((await call(bob, bob.headers)).text, 'of Bob');

  const foreign = await call(ada, bob.headers);
  t.deepEqual(
    [foreign.status, foreign.text],
    [404, `Function not found: Function 'same' not found in namespace '${ada.uuid}'`],
  );
  t.is((await call(ada)).status, 401);
  const logs = await server().request(`/invok/logs/${ada.uuid}/same`, { headers: bob.headers });
  t.is(logs.status, 403);
  const records = (await server().request('/logs/same', { headers: bob.headers })).json;
  t.deepEqual(
    records.map(({ stdout }: { stdout: string }) => stdout),
    ['of Bob\n'],
  );

  t.is((await server().request('/del/same', { method: 'DELETE', headers: bob.headers })).status, 200);
  t.is((await call(ada, ada.headers)).text, 'of Ada');
});

integration('a public function is called without a token, and no other function of its owner', async (t) => {
  const owner = await register('owner@public.example');
  const code = 'exports.handler = (req) => ({ body: req.method });';
  t.is((await deploy(owner, 'open.zip', { 'index.js': code }, { public: true })).status, 200);
  t.is((await deploy(owner, 'closed.zip', { 'index.js': code })).status, 200);
  const open = await server().request(`/invok/${owner.uuid}/open/x`, { method: 'OPTIONS' });
  t.deepEqual([open.status, open.text], [200, 'OPTIONS']);
  const closed = await server().request(`/invok/${owner.uuid}/closed`);
  const missing = await server().request(`/invok/${owner.uuid}/missing`);
  t.deepEqual([closed.status, closed.text], [401, '{"error":"Missing authorization header"}\n']);
  t.deepEqual([missing.status, missing.text], [closed.status, closed.text]);
});

integration('what a function prints arrives in the stream of its owner', async (t) => {
  const owner = await register('owner@logs.example');
  const code = "exports.handler = () => { console.log('one'); console.error('two'); return { body: '' }; };";
  t.is((await deploy(owner, 'prints.zip', { 'index.js': code })).status, 200);
  const response = await fetch(`${server().url}/invok/logs/${owner.uuid}/prints`, { headers: owner.headers });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? '';
  await server().request(`/invok/${owner.uuid}/prints`, { headers: owner.headers });
  while (!text.includes('two')) text += (await reader.read()).value ?? '';
  await reader.cancel();
  t.is(text, 'data: Connected to container logs\n\ndata: one\n\ndata: two\n\n');
});

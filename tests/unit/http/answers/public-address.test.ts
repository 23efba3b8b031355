import { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createPublicAddress } from '../../../../src/http/answers/public-address.js';
import type { DoorUrl } from '../../../../src/http/door/door-url.js';
import { FakeRegistry } from '../fakes.js';
import { startServer } from '../server-fixture.js';

const doorUrl: DoorUrl = ({ namespace, name }) => `http://door/${namespace}/${name}`;

/** A server whose function `hello` is public. */
async function withPublic(t: ExecutionContext, door: DoorUrl | null) {
  const server = await startServer(t, { deps: { doorUrl: door } });
  const ref = { namespace: 'default', name: 'hello' };
  await server.registry.deployImage({ ref, image: null, settings: { public: true } });
  const post = (path: string, body: FormData | string) => server.get(path, { method: 'POST', body });
  const form = new FormData();
  form.set('file', new Blob(['PK zip']), 'hello.zip');
  return { ...server, post, form };
}

const nothing =
  '"public" changes nothing here: this server has no listener for public functions, which GLAMBDAR_FUNCTIONS_PORT would give it, and without accounts whoever reaches this server may call every function.';

test('answers about a public function name its URL on the listener for functions', async (t) => {
  const { get, post, form } = await withPublic(t, doorUrl);
  const publicUrl = 'http://door/default/hello';
  const deployed = (await post('/deploy', form)).json;
  t.like(deployed, { publicUrl });
  t.false('notes' in deployed);
  t.like((await get('/info/hello')).json, { name: 'hello', publicUrl });
  t.like(((await get('/info')).json['functions'] as object[])[0], { name: 'hello', publicUrl });
  const changed = (await post('/config/hello', '{"public":true}')).json;
  t.like(changed, { public: true, publicUrl });
  t.false('notes' in changed);
});

test('answers about other functions name no such URL', async (t) => {
  const { get } = await startServer(t, { deps: { doorUrl } });
  t.false('publicUrl' in (await get('/info/hello')).json);
  const { json } = await get('/config/hello', { method: 'POST', body: '{"public":false}' });
  t.false('publicUrl' in json);
});

test('without a listener for functions the answer says that public changes nothing', async (t) => {
  const { get, post, form } = await withPublic(t, null);
  t.deepEqual((await post('/deploy', form)).json['notes'], [nothing]);
  t.deepEqual((await post('/config/hello', '{"public":true}')).json['notes'], [nothing]);
  t.false('notes' in (await post('/config/hello', '{"memoryMb":256}')).json);
  t.false('publicUrl' in (await get('/info/hello')).json);
});

test('with accounts and no listener for functions the note says who may call, and where', async (t) => {
  const registry = new FakeRegistry();
  const config = { host: '127.0.0.1', publicUrl: new URL('https://api.example.com/') };
  const address = createPublicAddress({ registry, doorUrl: null, hasAccounts: true, config });
  const namespace = '4f1c8f0e-5bb9-4c37-9a43-0d8f3a9a6d11';
  for (const [where, path] of [
    ['default', '/invoke/hello'],
    [namespace, `/invok/${namespace}/hello`],
  ] as const) {
    const ref = { namespace: where, name: 'hello' };
    await registry.deployImage({ ref, image: null, settings: { public: true } });
    t.deepEqual(address(ref, new Socket()), {
      note: `Everybody may call hello without a token or key, at https://api.example.com${path}: this server has no listener for public functions, which GLAMBDAR_FUNCTIONS_PORT would give it.`,
    });
  }
});

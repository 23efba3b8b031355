import test from 'ava';
import { startServer } from '../../server-fixture.js';

test('versions are a list, and a rollback answers like a deploy', async (t) => {
  const { get, registry } = await startServer(t);
  const { json } = await get('/functions/hello/versions');
  t.like(json, [{ version: 3, active: true }]);
  const rollback = await get('/functions/hello/rollback', { method: 'POST', body: '{"version":2}' });
  t.is(rollback.response.status, 200);
  t.deepEqual(rollback.json, { function: 'hello', status: 'deployed', version: 2, digest: 'sha256:00' });
  t.deepEqual(registry.rollbacks, [2]);
});

for (const body of [
  '',
  '{}',
  '[]',
  '{"version":"2"}',
  '{"version":0}',
  '{"version":1.5}',
  '{"version":null}',
  '{',
])
  test(`a rollback with the body ${JSON.stringify(body)} is refused`, async (t) => {
    const { get, registry } = await startServer(t);
    const { response, json } = await get('/functions/hello/rollback', { method: 'POST', body });
    t.is(response.status, 400);
    t.is(json['code'], 'INVALID_REQUEST');
    t.deepEqual(registry.rollbacks, []);
  });

test('code is answered as a zip under the name and version of the function', async (t) => {
  const { url } = await startServer(t);
  const response = await fetch(`${url}/functions/hello/code?version=2`);
  t.is(response.headers.get('content-type'), 'application/zip');
  t.is(response.headers.get('content-disposition'), 'attachment; filename="hello-v2.zip"');
  t.is(await response.text(), 'PK…');
});

test('an archive that nobody reads is given up', async (t) => {
  const { url, registry } = await startServer(t);
  t.is((await fetch(`${url}/functions/hello/code`, { method: 'HEAD' })).status, 200);
  t.true(registry.archives[0]?.destroyed);
});

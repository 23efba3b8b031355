import test from 'ava';
import { AccountsFixture } from '../../../accounts/accounts-fixture.js';
import { startServer } from '../../server-fixture.js';

const path = '/functions/hello/secrets/TOKEN';
const json = { 'content-type': 'application/json' };

const taken: [title: string, init: RequestInit, value: string][] = [
  ['the text of the body', { body: ' s3cr3t\n' }, ' s3cr3t\n'],
  [
    'the text that curl -d sends',
    { body: 'a=b&c', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    'a=b&c',
  ],
  ['the value in JSON', { body: '{"value":"s3\\nü"}', headers: json }, 's3\nü'],
  ['a BOM as it is', { body: '\uFEFFx' }, '\uFEFFx'],
  ['JSON of another type as text', { body: '{"value":1}' }, '{"value":1}'],
];
for (const [title, init, value] of taken)
  test(`PUT takes ${title}`, async (t) => {
    const { url, secrets } = await startServer(t);
    const response = await fetch(url + path, { method: 'PUT', ...init });
    t.is(response.status, 204);
    t.is(await response.text(), '');
    t.deepEqual([...secrets.values], [['TOKEN', value]]);
  });

const refused: [title: string, init: RequestInit, status: number, message: RegExp][] = [
  ['bad JSON', { body: '{"value":"canary', headers: json }, 400, /not JSON/],
  ['JSON without a text', { body: '{"value":{"x":"canary"}}', headers: json }, 400, /no text "value"/],
  ['bare JSON', { body: '"canary"', headers: json }, 400, /no text "value"/],
  ['what is no UTF-8', { body: Buffer.from('canary\xff', 'latin1') }, 400, /UTF-8/],
  ['a form', { body: formOf('canary') }, 415, /no form/],
  ['a packed body', { body: 'canary', headers: { 'content-encoding': 'gzip' } }, 415, /Content-Encoding/],
  ['a body that is too large', { body: 'canary'.repeat(30_000) }, 413, /larger than 131072/],
];
for (const [title, init, status, message] of refused)
  test(`PUT refuses ${title} and says nothing of it`, async (t) => {
    const { get, secrets, logged } = await startServer(t, { maxBodiesBytes: 1e6 });
    const { response, json: body } = await get(path, { method: 'PUT', ...init });
    t.is(response.status, status);
    t.regex(body['error'] as string, message);
    t.false(JSON.stringify(body).includes('canary'));
    t.deepEqual([...secrets.values], []);
    t.deepEqual(logged, []);
  });

function formOf(value: string): FormData {
  const form = new FormData();
  form.set('value', value);
  return form;
}

test('GET names secrets and DELETE removes one', async (t) => {
  const { get, url, secrets } = await startServer(t);
  await fetch(url + path, { method: 'PUT', body: 'canary' });
  const listed = await get('/functions/hello/secrets');
  t.deepEqual(
    (listed.json as unknown as { name: string }[]).map((secret) => Object.keys(secret)),
    [['name', 'createdAt', 'updatedAt']],
  );
  t.false(JSON.stringify(listed.json).includes('canary'));
  t.is((await fetch(url + path, { method: 'DELETE' })).status, 204);
  t.deepEqual([...secrets.values], []);
});

test('the audit log tells who set, removed and rolled back what, and no value', async (t) => {
  const fixture = new AccountsFixture();
  const { url } = await startServer(t, { deps: { accounts: fixture.accounts } });
  const { token, user } = await fixture.register('ada');
  await fixture.accounts.users.change(user.id, { role: 'admin' });
  const headers = { authorization: `Bearer ${token}` };
  const before = fixture.auditStore.records.length;
  await fetch(url + path, { method: 'PUT', body: 'canary', headers });
  await fetch(url + path, { method: 'DELETE', headers });
  await fetch(`${url}/functions/hello/rollback`, { method: 'POST', body: '{"version":2}', headers });
  t.deepEqual(
    fixture.auditStore.records
      .slice(0, fixture.auditStore.records.length - before)
      .map(({ action, target, detail }) => [action, target, detail])
      .reverse(),
    [
      ['secret.put', 'hello/TOKEN', undefined],
      ['secret.delete', 'hello/TOKEN', undefined],
      ['function.rollback', 'hello', { version: 2 }],
    ],
  );
  t.false(JSON.stringify(fixture.auditStore.records).includes('canary'));
});

import { readFile } from 'node:fs/promises';
import test from 'ava';
import { answer, record } from '../../fakes.js';
import { startServer, type Fixture } from '../../server-fixture.js';

/** A server that has the function `hello` in the namespace `default`. */
async function withHello(fixture: Fixture): Promise<Fixture> {
  const ref = { namespace: 'default', name: 'hello' };
  await fixture.registry.deployImage({ ref, image: 'x', settings: {} });
  return fixture;
}

function form(...files: [field: string, name: string, content: string][]): RequestInit {
  const body = new FormData();
  for (const [field, name, content] of files) body.append(field, new Blob([content]), name);
  return { method: 'POST', body };
}

test('the list is a bare array with the UUID of the namespace', async (t) => {
  const { get } = await startServer(t);
  const { response, json } = await get('/invok/list');
  t.is(response.status, 200);
  t.deepEqual(json as unknown, [{ uuid: 'default', name: 'hello', runtime: 'nodejs' }]);
});

test('a deploy takes the first file that is a zip, in whatever field, and answers three lines of text', async (t) => {
  const { url, registry } = await startServer(t);
  let content = '';
  registry.onDeploy = async ({ source }) => void (content = await readFile(source.path, 'utf8'));
  const files = form(
    ['notes', 'notes.txt', 'no'],
    ['code', 'My.Fn.ZIP', 'first'],
    ['file', 'b.zip', 'second'],
  );
  const response = await fetch(`${url}/invok/deploy`, files);
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.is(
    await response.text(),
    "Function 'My.Fn' deployed successfully\nFunction: My.Fn\nUser UUID: default\n",
  );
  t.is(content, 'first');
  t.like(registry.deploys[0], {
    source: { format: 'archive', packaging: 'invok' },
    ref: { namespace: 'default', name: 'My.Fn' },
  });
});

test('a deploy without a zip is refused in text', async (t) => {
  const { url, registry } = await startServer(t);
  for (const init of [form(['file', 'notes.txt', 'no']), form()]) {
    const response = await fetch(`${url}/invok/deploy`, init);
    t.is(response.status, 400);
    t.regex(await response.text(), /^missing zip file: the form has no file whose name ends with \.zip/);
  }
  t.deepEqual(registry.deploys, []);
});

test('a form with too many files is told how many it may have', async (t) => {
  const { url } = await startServer(t);
  const files = Array.from(
    { length: 11 },
    (_, index) => [`f${index}`, 'a.zip', 'x'] as [string, string, string],
  );
  const response = await fetch(`${url}/invok/deploy`, form(...files));
  t.is(response.status, 400);
  t.regex(await response.text(), /more than 10 files/);
});

test('a call of any method gets path, query, status and headers as they are', async (t) => {
  const { url, invoker } = await withHello(await startServer(t));
  invoker.handler = ({ method }) =>
    answer({
      statusCode: 207,
      headers: [
        ['content-type', 'text/x'],
        ['X-A', '1'],
      ],
      body: Buffer.from(method),
    });
  for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
    const response = await fetch(`${url}/invok/default/hello/a%2fb?q=1&q=2`, { method });
    t.deepEqual([response.status, await response.text()], [207, method]);
    t.is(response.headers.get('x-a'), '1');
  }
  t.like(invoker.ran[0], { path: '/a%2fb', query: 'q=1&q=2' });
  const head = await fetch(`${url}/invok/default/hello`, { method: 'HEAD' });
  t.deepEqual([head.status, await head.text()], [207, '']);
  t.is(invoker.ran.at(-1)?.method, 'GET');
});

const raw: [what: string, body: string, expected: string, type: string][] = [
  ['a string', '"hi"', 'hi', 'text/plain; charset=utf-8'],
  ['JSON text in a string', String.raw`"{\"a\":1}"`, '{"a":1}', 'application/json; charset=utf-8'],
  ['an object', '{"a":1}', '{"a":1}', 'application/json; charset=utf-8'],
  ['a string that is cut', '"hi', '"hi', 'application/json; charset=utf-8'],
];
for (const [what, body, expected, type] of raw) {
  test(`${what} is answered as it is, and not as JSON of it`, async (t) => {
    const { url, invoker } = await withHello(await startServer(t));
    invoker.handler = () => answer({ body: Buffer.from(body) });
    const response = await fetch(`${url}/invok/default/hello`);
    t.deepEqual([await response.text(), response.headers.get('content-type')], [expected, type]);
  });
}

test('names that cannot be and functions that are not there are told in text', async (t) => {
  const { raw: connect } = await withHello(await startServer(t));
  const cases: [path: string, status: number, text: string][] = [
    ['/invok/default/none', 404, "Function not found: Function 'none' not found in namespace 'default'"],
    ['/invok/other/hello', 404, "Function not found: Function 'hello' not found in namespace 'other'"],
    ['/invok/a%2fb/hello', 400, 'Invalid namespace: "a/b" is not the UUID of a user.'],
    ['/invok/../hello', 400, 'Invalid namespace: ".." is not the UUID of a user.'],
    ['/invok/default/..%2fhello', 400, 'Invalid function name: "../hello".'],
  ];
  for (const [path, status, text] of cases) {
    const client = await connect();
    const { head, body } = await client.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).response();
    t.regex(head, new RegExp(`^HTTP/1.1 ${status} `), path);
    t.true(body.startsWith(text), body);
  }
});

test('logs stream the printed lines of calls that end from now on', async (t) => {
  const { url, logs } = await withHello(await startServer(t));
  const abort = new AbortController();
  const response = await fetch(`${url}/invok/logs/default/hello`, { signal: abort.signal });
  t.is(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  t.is((await reader.read()).value, 'data: Connected to container logs\n\n');
  logs.emit(record('r9', { stdout: 'one\r\n\ntwo', stderr: 'oops\n' }));
  let text = '';
  while (!text.includes('oops')) text += (await reader.read()).value ?? '';
  t.is(text, 'data: one \n\ndata: \n\ndata: two\n\ndata: oops\n\n');
  abort.abort();
  await logs.unfollowed();
});

test('logs of an unknown function are 404', async (t) => {
  const { url } = await startServer(t);
  const response = await fetch(`${url}/invok/logs/default/none`);
  t.deepEqual(
    [response.status, await response.text()],
    [404, "Function not found: Function 'none' not found in namespace 'default'"],
  );
});

test('a page of another origin cannot call a function by a path of Invok', async (t) => {
  const { url, invoker } = await withHello(await startServer(t));
  const response = await fetch(`${url}/invok/default/hello`, {
    headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
  });
  t.is(response.status, 403);
  t.deepEqual(invoker.ran, []);
});

/**
 * The CloudFunc gateway as its clients see it: each row of its contract as a request and what comes back, on images with HTTP
 * servers that are made here. The curl lines are those of the original.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { runDocumented } from '../helpers/documented-lines.js';
import { integration, integrationEnabled } from '../helpers/integration.js';
import { serverForFile, until, type Answer } from '../helpers/server-process.js';
import { nodeImage, removeImages, removeTestImages } from '../helpers/test-images.js';

const run = promisify(execFile);
const server = serverForFile({ env: { GLAMBDAR_START_TIMEOUT_MS: '5000' } });
const prefix = `glambdar-test-cloudfunc-${process.pid}`;
const hello = `${prefix}/hello:1`;
const odd = `${prefix}/odd:1`;
const quitter = `${prefix}/quitter:1`;
const deaf = `${prefix}/deaf:1`;
const late = `${prefix}/late:1`;
const images = [hello, odd, quitter, deaf, late];

/** Does what its payload says. */
const ODD = `
const http = require('node:http');
const { spawn } = require('node:child_process');
console.log('started');
http.createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const payload = JSON.parse(Buffer.concat(chunks).toString() || 'null');
  console.log('out', req.method, req.url, payload?.do);
  console.error('err', payload?.do);
  const json = (value, status = 200) => res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  const deeds = {
    echo: () => json({ payload, type: req.headers['content-type'], uid: process.getuid() }),
    garbage: () => { req.socket.write('this is no HTTP\\r\\n\\r\\n'); },
    text: () => res.end('plain "text"'),
    binary: () => res.end(Buffer.from([0xff, 0xfe, 0x00])),
    lying: () => res.writeHead(200, { 'content-type': 'application/json' }).end('{"a":'),
    deep: () => res.end('['.repeat(20000) + ']'.repeat(20000)),
    huge: () => { const more = () => { while (res.write(Buffer.alloc(65536, 'x'))); }; res.on('drain', more); more(); },
    slow: () => { res.writeHead(200); setInterval(() => res.write('x'), 200); },
    silent: () => undefined,
    redirect: () => res.writeHead(302, { location: 'http://127.0.0.1:5000/run' }).end(),
    fail: () => json({ why: 'not today' }, 500),
    exit: () => process.exit(3),
    oom: () => { const all = []; for (;;) all.push(Buffer.alloc(16e6, 1)); },
    fork: () => { for (let i = 0; i < 5; i += 1) spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore', detached: true }); json('forked'); },
    headers: () => res.writeHead(200, Array.from({ length: 150 }, (_, i) => ['x-' + i, 'y'])).end('{}'),
    open: () => { res.setHeader('connection', 'keep-alive'); json('kept open'); },
    reach: () => { require('node:net').connect(80, '10.0.0.1').on('error', (error) => json(error.code)); },
  };
  (deeds[payload?.do] ?? deeds.echo)();
}).listen(5000);
`;

if (integrationEnabled) {
  test.serial.before('the images are built', (t) => {
    t.timeout(120_000);
    const example = readFileSync(join(import.meta.dirname, '../../examples/cloudfunc/server.js'), 'utf8');
    nodeImage(hello, example, ['EXPOSE 5000']);
    nodeImage(odd, ODD);
    nodeImage(quitter, "console.error('no configuration'); process.exit(4);");
    nodeImage(deaf, "console.log('thinking'); setInterval(() => {}, 1e6);");
    nodeImage(
      late,
      "setTimeout(() => require('node:http').createServer((_, res) => res.end('\"late\"')).listen(8123), 1500);",
      ['EXPOSE 8123'],
    );
  });
  test.after.always('the images are removed', () => removeTestImages([...images, 'hello-image']));
}

integration("the lines of the example's README answer what stands below them", async (t) => {
  const { said, expected } = await runDocumented(
    join(import.meta.dirname, '../../examples/cloudfunc'),
    server().url,
  );
  t.is(expected.length, 5);
  t.deepEqual(said, expected);
  for (const { name, image } of (await server().request('/functions')).json)
    if (image === 'hello-image') await server().request(`/del/${name}`, { method: 'DELETE' });
});

const post = (path: string, body: unknown): Promise<Answer> =>
  server().request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const execute = (image: string, payload: unknown = {}): Promise<Answer> =>
  post('/execute', { image, payload });

/** An answer in the envelope, with nothing of the platform in it. */
function refused(t: ExecutionContext, answer: Answer, status: number, error: unknown): void {
  t.is(answer.status, status, answer.text);
  t.is(answer.headers.get('content-type'), 'application/json; charset=utf-8');
  t.truthy(answer.headers.get('x-request-id'));
  if (error instanceof RegExp) t.regex(String(answer.json.error), error);
  else t.deepEqual(answer.json.error, error);
  t.notRegex(answer.text, /\n\s+at |node:internal|\/slot|\/worker|dockerd|docker\.sock|sqlite/i);
}

const configure = (name: string, settings: object): Promise<Answer> =>
  post(`/config/${name}`, JSON.stringify(settings));

let registered: Promise<Answer> | undefined;

/** The name of the function that does what its payload says, registered when it is first needed. */
async function oddFunction(): Promise<string> {
  registered ??= post('/registerFunction', { name: 'odd', owner: 'ada', image: odd });
  await registered;
  return 'odd';
}

/** The record of a call, once what its container printed is in it. */
async function recordOf(answer: Answer, isFinal: (record: { stdout: string }) => boolean = () => true) {
  const id = answer.headers.get('x-invocation-id');
  let record: { stdout: string; stderr: string; outcome: string; status: number; start: string } | undefined;
  await until('the record is final', async () => {
    record = (await server().request(`/invocations/${id}`)).json;
    return record !== undefined && isFinal(record);
  });
  return record!;
}

integration("the original's curl lines work as they are", async (t) => {
  const curl = async (...args: string[]) => (await run('curl', ['-sS', '--max-time', '30', ...args])).stdout;
  const json = ['-H', 'Content-Type: application/json', '-d'];
  const { url } = server();
  t.is((await curl(`${url}/`)).split('\n')[0], 'Gateway Service is running');
  const registered = JSON.parse(
    await curl(
      '-X',
      'POST',
      `${url}/registerFunction`,
      ...json,
      `{"name":"hello","owner":"ada","image":"${hello}"}`,
    ),
  );
  t.is(registered.message, 'Function registered successfully');
  t.like(registered.data, { name: 'hello', owner: 'ada', image: hello });
  t.regex(registered.data.id, /^[0-9a-f-]{36}$/);
  t.true(Math.abs(Date.parse(registered.data.created_at) - Date.now()) < 60_000);
  t.deepEqual(JSON.parse(await curl(`${url}/functions`)), [{ ...registered.data, container_image: hello }]);
  t.deepEqual(JSON.parse(await curl(`${url}/function/hello`)), {
    ...registered.data,
    container_image: hello,
  });
  t.is(
    await curl('-X', 'POST', `${url}/invoke`, ...json, '{"function_name":"hello","payload":{"name":"Ada"}}'),
    '{"function":"hello","result":{"message":"Hello, Ada!"}}\n',
  );
  t.is(
    await curl('-X', 'POST', `${url}/execute`, ...json, `{"image":"${hello}","payload":{"name":"Bob"}}`),
    '{"output":{"message":"Hello, Bob!"},"status":"success"}\n',
  );
  t.like(JSON.parse(await curl(`${url}/info/hello`)), { invokeCount: 2, errorCount: 0 });
});

integration('every row of the contract answers as it says', async (t) => {
  refused(t, await post('/invoke', { payload: 1 }), 400, 'function_name and payload are required');
  refused(
    t,
    await post('/invoke', { function_name: 'hello' }),
    400,
    'function_name and payload are required',
  );
  refused(t, await post('/invoke', { function_name: '', payload: 1 }), 400, /required/);
  refused(t, await post('/invoke', '{"function_name"'), 400, /JSON/);
  refused(t, await post('/invoke', { function_name: 'nobody', payload: 1 }), 404, {
    error: 'Function not found',
  });
  refused(t, await server().request('/function/nobody'), 404, 'Function not found');
  t.is((await post('/registerFunction', { name: 'bare', owner: 'ada' })).status, 200);
  t.like((await server().request('/function/bare')).json, { image: null, container_image: null });
  refused(
    t,
    await post('/invoke', { function_name: 'bare', payload: 1 }),
    404,
    'Function exists but container image not found',
  );
  refused(t, await post('/execute', { payload: 1 }), 400, 'Image required');
  refused(t, await execute('Not An Image'), 400, /image/i);
  refused(t, await execute(`${prefix}/missing:1`), 422, /missing/);
  await oddFunction();
  for (const payload of [null, 0, '', false, [1], { a: 1.5 }, 'text'])
    t.deepEqual((await post('/invoke', { function_name: 'odd', payload })).json.result.payload, payload);
  await server().deployed('zip', 'exports.handler = async (req) => ({ body: { got: await req.json() } });');
  t.is(
    (await post('/invoke', '{"function_name":"zip","payload":[null]}')).text,
    '{"function":"zip","result":{"got":[null]}}\n',
  );
  t.deepEqual(
    (await server().request('/functions')).json.map(({ name }: { name: string }) => name),
    ['bare', 'hello', 'odd', 'zip'],
  );
});

integration(
  'an image is a function like any other: native routes, limits, metrics, its output in the record',
  async (t) => {
    await oddFunction();
    const direct = await server().invoke('odd', { body: '{"do":"echo"}' });
    t.is(direct.status, 200);
    t.like(direct.json, { payload: { do: 'echo' } });
    t.true(direct.json.uid >= 200_000);
    const record = await recordOf(direct, ({ stdout }) => stdout.includes('out'));
    t.is(record.stdout, 'started\nout POST /run echo\n');
    t.is(record.stderr, 'err echo\n');
    t.is(record.outcome, 'ok');
    const other = await server().request('/invoke/odd/elsewhere?a=1', { method: 'GET' });
    t.is(other.status, 200);
    t.regex((await recordOf(other, ({ stdout }) => stdout.includes('out'))).stdout, /GET \/elsewhere\?a=1/);
    t.is((await execute(odd, { do: 'reach' })).json.output, 'ENETUNREACH', 'there is no network');
    await configure('odd', { rateLimit: 0.01 });
    const answers = [await execute(odd), await execute(odd)];
    t.true(answers.some(({ status }) => status === 429));
    await configure('odd', { rateLimit: 0 });
    t.true((await server().metric('glambdar_invocations_total{function="odd",outcome="ok"}')) >= 0);
  },
);

integration(
  'what an image may do wrong is answered with the right status, and nothing is left',
  async (t) => {
    const rows: [deed: string, status: number, error: RegExp, outcome: string][] = [
      ['garbage', 502, /not HTTP/, 'function_error'],
      ['binary', 502, /neither JSON nor text/, 'ok'],
      ['lying', 502, /neither JSON nor text/, 'ok'],
      ['deep', 502, /nested deeper/, 'ok'],
      ['huge', 502, /limit/, 'function_error'],
      ['slow', 504, /timeoutMs of 1500/, 'timeout'],
      ['silent', 504, /timeoutMs of 1500/, 'timeout'],
      ['redirect', 502, /status 302/, 'ok'],
      ['fail', 502, /status 500/, 'ok'],
      ['exit', 502, /exit code 3/, 'crash'],
      ['oom', 502, /more than its limit of 128 MB/, 'oom'],
      ['headers', 502, /headers/, 'function_error'],
    ];
    await configure(await oddFunction(), { timeoutMs: 1500, isolation: 'invocation' });
    for (const [deed, status, error, outcome] of rows) {
      const answer = await execute(odd, { do: deed });
      refused(t, answer, status, error);
      const record = await recordOf(answer, ({ stdout }) => stdout.includes(deed));
      t.is(record.outcome, outcome, deed);
      t.true(record.stderr.includes(deed), deed);
    }
    t.deepEqual((await execute(odd, { do: 'fail' })).json.output, { why: 'not today' });
    for (const [deed, output] of [
      ['text', 'plain "text"'],
      ['fork', 'forked'],
      ['open', 'kept open'],
    ] as const) {
      const answer = await execute(odd, { do: deed });
      t.is(answer.status, 200, answer.text);
      t.is(answer.json.output, output);
    }
    await server().assertIdle();
  },
);

integration(
  'images that end at once, never listen or listen late are told apart; the server goes on meanwhile',
  async (t) => {
    const [ended, never, slow] = await Promise.all([execute(quitter), execute(deaf), execute(late)]);
    refused(t, ended, 502, /exit code 4/);
    t.is((await recordOf(ended, ({ stdout }) => stdout !== undefined)).outcome, 'crash');
    refused(t, never, 504, /no connections on port 5000 within 5000 ms/);
    const record = await recordOf(never);
    t.is(record.outcome, 'timeout');
    t.is(record.stdout, 'thinking\n');
    t.is(slow.status, 200, slow.text);
    t.is(slow.json.output, 'late', 'on the only port that the image exposes');
    t.is((await execute(hello, { name: 'Eve' })).json.output.message, 'Hello, Eve!');
    await server().assertIdle();
  },
);

integration('twenty executions at once get their own answers', async (t) => {
  const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
  const answers = await Promise.all(names.map((name) => execute(hello, { name })));
  t.deepEqual(
    answers.map(({ status, text }) => [status, text]),
    names.map((name) => [200, `{"output":{"message":"Hello, ${name}!"},"status":"success"}\n`]),
  );
  await server().assertIdle();
});

integration('with isolation "function" a container serves one call after the other', async (t) => {
  await configure(await oddFunction(), { isolation: 'function' });
  const uids = new Set<number>();
  const starts = new Set<string>();
  for (let call = 0; call < 4; call += 1) {
    const answer = await execute(odd, { do: 'echo' });
    uids.add(answer.json.output.uid);
    starts.add((await recordOf(answer)).start);
  }
  t.true(uids.size <= 2, 'one may have been ready before the setting changed');
  t.true(starts.has('warm'));
  t.is((await execute(odd, { do: 'exit' })).status, 502);
  t.is((await execute(odd, { do: 'echo' })).status, 200, 'the next call gets another one');
});

integration('an image that was built anew under its name is the next one that runs', async (t) => {
  nodeImage(late, "require('node:http').createServer((_, res) => res.end('\"anew\"')).listen(8123);", [
    'EXPOSE 8123',
  ]);
  await until('the new image answers', async () => (await execute(late)).json.output === 'anew', 10_000);
  t.pass();
});

integration('registered images run after a restart, and the gateway says so when one is gone', async (t) => {
  await oddFunction();
  await server().restart();
  t.is((await post('/invoke', { function_name: 'odd', payload: 1 })).json.result.payload, 1);
  const gone = `${prefix}/gone:1`;
  nodeImage(gone, "require('node:http').createServer((_, res) => res.end('1')).listen(5000);");
  t.is((await post('/registerFunction', { name: 'gone', image: gone })).status, 200);
  removeImages([gone]);
  await until(
    'the missing image is noticed',
    async () => (await post('/invoke', { function_name: 'gone', payload: 1 })).status === 500,
  );
  refused(t, await post('/invoke', { function_name: 'gone', payload: 1 }), 500, 'Internal Gateway Error');
});

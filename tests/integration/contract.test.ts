/** What README promises, as a client sees it: a server process, real containers, nothing but HTTP. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { integration } from '../helpers/integration.js';
import { eachOf, serverForFile, until, zipOf, type Answer } from '../helpers/server-process.js';

const run = promisify(execFile);
const server = serverForFile({ env: { GLAMBDAR_LOAD_TIMEOUT_MS: '4000', GLAMBDAR_MAX_ZIP_MB: '1' } });
const root = join(import.meta.dirname, '../..');
const source = readFileSync(join(root, 'tests/fixtures/functions/contract.js'), 'utf8');
const MIB = 1024 * 1024;

let fixture: Promise<void> | undefined;

/** A call of the fixture, which is deployed when it is first needed; each deed is one clause. */
async function call(
  deed: string,
  more = '',
  options: Parameters<ReturnType<typeof server>['invoke']>[1] = {},
): Promise<Answer> {
  await (fixture ??= server().deployed('contract', source));
  return server().invoke(`contract?do=${encodeURIComponent(deed)}${more}`, options);
}

/** The record of a call, once it is final. */
async function recordOf(answer: Answer) {
  const id = answer.headers.get('x-invocation-id');
  return (await server().request(`/invocations/${id}`)).json;
}

/** An error in the native envelope, with nothing of the host, the container or the platform's code in it. */
function refused(t: ExecutionContext, answer: Answer, status: number, code: string, message?: RegExp): void {
  t.is(answer.status, status, answer.text);
  t.is(answer.json.code, code, answer.text);
  t.is(answer.json.requestId, answer.headers.get('x-request-id'));
  t.regex(answer.json.error, message ?? /./);
  t.notRegex(answer.text, /\n\s+at |node:internal|\/slot|\/worker|worker\/|docker|sqlite/i);
  t.false(answer.text.includes(server().dir));
}

integration('curl deploys a zip and invokes it, as the README has it', async (t) => {
  const file = join(server().dir, 'hello.zip');
  await writeFile(file, zipOf({ 'index.js': readFileSync(join(root, 'examples/hello/index.js')) }));
  const curl = async (...args: string[]) => (await run('curl', ['-sS', '--max-time', '30', ...args])).stdout;
  const deployed = JSON.parse(await curl('-F', `file=@${file}`, `${server().url}/deploy`));
  t.like(deployed, { function: 'hello', status: 'deployed', version: 1 });
  t.regex(deployed.digest, /^sha256:[0-9a-f]{64}$/);
  t.is(await curl(`${server().url}/invoke/hello`, '-d', '{"name":"Ada"}'), '{"message":"Hello, Ada!"}');
  t.is(await curl(`${server().url}/invoke/hello?name=Bob`), '{"message":"Hello, Bob!"}');
  t.deepEqual(JSON.parse(await curl('-X', 'DELETE', `${server().url}/del/hello`)), { deleted: 'hello' });
  t.is(await curl('-o', '/dev/null', '-w', '%{http_code}', `${server().url}/invoke/hello`), '404');
  t.is(await curl(`${server().url}/info`), '{"count":0,"functions":[]}\n');
});

integration('every route answers as the table has it', async (t) => {
  const get = (path: string) => server().request(path);
  await Promise.all([call('echo'), server().deployed('another.one', 'module.exports = () => ({ body: 1 })')]);
  const { count, functions } = (await get('/info')).json;
  const names = functions.map(({ name }: { name: string }) => name);
  t.is(count, names.length);
  t.deepEqual(names, [...names].sort());
  t.true(names.includes('another.one') && names.includes('contract'));
  const info = (await get('/info/another.one')).json;
  t.deepEqual(
    Object.keys(info).sort(),
    [
      ...['createdAt', 'digest', 'errorCount', 'invokeCount', 'lastInvokedAt', 'name', 'settings'],
      ...['sizeBytes', 'updatedAt', 'version'],
    ].sort(),
  );
  t.like(info, { lastInvokedAt: null, invokeCount: 0, errorCount: 0, version: 1 });
  t.is((await get('/healthz')).status, 200);
  t.is((await get('/readyz')).status, 200);
  t.deepEqual((await get('/logs/another.one')).json, []);
  refused(t, await get('/nothing/here'), 404, 'NOT_FOUND');
  refused(t, await get('/info/unknown'), 404, 'FUNCTION_NOT_FOUND');
  refused(t, await get('/logs/unknown'), 404, 'FUNCTION_NOT_FOUND');
  refused(t, await get('/invocations/unknown'), 404, 'INVOCATION_NOT_FOUND');
  refused(t, await server().invoke('unknown'), 404, 'FUNCTION_NOT_FOUND', /^Function not found!$/);
  refused(t, await server().request('/del/unknown', { method: 'DELETE' }), 404, 'FUNCTION_NOT_FOUND');
  const wrongMethod = await server().request('/deploy');
  refused(t, wrongMethod, 405, 'METHOD_NOT_ALLOWED');
  t.is(wrongMethod.headers.get('allow'), 'POST');
  const named = await server().request('/healthz', { headers: { 'X-Request-Id': 'mine-1' } });
  t.is(named.headers.get('x-request-id'), 'mine-1');
  t.deepEqual((await server().request('/del/another.one', { method: 'DELETE' })).json, {
    deleted: 'another.one',
  });
  refused(t, await server().invoke('another.one'), 404, 'FUNCTION_NOT_FOUND');
});

integration('a deploy that cannot be is refused with its code, and nothing of it stays', async (t) => {
  const form = new FormData();
  form.append('text', 'no file');
  refused(
    t,
    await server().request('/deploy', { method: 'POST', body: form }),
    400,
    'MISSING_FILE',
    /missing zip file/,
  );
  refused(
    t,
    await server().request('/deploy', { method: 'POST', body: '{}' }),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  );
  const good = { 'index.js': 'module.exports = () => ({ body: 1 })' };
  refused(t, await server().deploy('x', good, { funcName: '../x' }), 400, 'INVALID_NAME');
  refused(t, await server().deploy('x', Buffer.from('no zip')), 422, 'INVALID_BUNDLE');
  const large = await server()
    .deploy('x', { ...good, 'data.bin': randomBytes(MIB) })
    .catch(() => null);
  // Its answer comes before all was sent; a client that is still sending may see the connection end instead.
  if (large) refused(t, large, 413, 'BUNDLE_TOO_LARGE');
  refused(t, await server().deploy('x', good, { memoryMb: 3 }), 400, 'INVALID_REQUEST', /memoryMb/);
  refused(t, await server().deploy('x', good, { wish: 'more' }), 400, 'INVALID_REQUEST', /wish/);
  const hostNetwork = { ...good, 'glambdar.json': '{"network":"host"}' };
  const answer = await server().deploy('x', hostNetwork);
  t.true([400, 422].includes(answer.status), answer.text);
  t.regex(answer.json.error, /network/);
  refused(t, await server().request('/info/x'), 404, 'FUNCTION_NOT_FOUND');
});

const handlers: [string, Record<string, string>, Record<string, unknown>?][] = [
  ['exports.handler', { 'index.js': 'exports.handler = async () => ({ body: "ok" })' }],
  ['module.exports', { 'index.cjs': 'module.exports = () => ({ body: "ok" })' }],
  ['export default', { 'index.mjs': 'export default () => ({ body: "ok" })' }],
  [
    'an ES module with top-level await',
    { 'index.mjs': 'const b = await Promise.resolve("ok"); export const handler = () => ({ body: b })' },
  ],
  [
    'type module and main in package.json',
    {
      'package.json': '{"type":"module","main":"./lib/entry.js"}',
      'lib/entry.js': 'import { body } from "./body.js"; export const handler = async () => ({ body })',
      'lib/body.js': 'export const body = "ok"',
    },
  ],
  [
    'the handler setting',
    { 'index.js': 'throw new Error("not this one")', 'src/app.js': 'exports.go = () => ({ body: "ok" })' },
    { handler: 'src/app.go' },
  ],
  [
    'node_modules in the zip, all below one folder',
    {
      'top/index.js': 'const body = require("dep"); exports.handler = () => ({ body })',
      'top/node_modules/dep/package.json': '{"main":"dep.js"}',
      'top/node_modules/dep/dep.js': 'module.exports = "ok"',
    },
  ],
];

integration('a handler is found in every form the contract names', async (t) => {
  await eachOf([...handlers.entries()], async ([index, [what, files, fields]]) => {
    const deployed = await server().deploy(`form${index}`, files, fields);
    t.is(deployed.status, 201, `${what}: ${deployed.text}`);
    const answer = await server().invoke(`form${index}`);
    t.is(answer.text, '"ok"', what);
  });
});

const loadFailures: [
  string,
  Record<string, string>,
  RegExp,
  { file?: string; line?: number; stderr?: string },
][] = [
  ['no entry file', { 'readme.txt': 'hi' }, /no entry file/, {}],
  ['no handler', { 'index.js': 'exports.other = 1' }, /no handler: .*"other"/, {}],
  [
    'a syntax error',
    { 'index.js': 'const a = 1;\nconst b = ;' },
    /SyntaxError/,
    { file: 'index.js', line: 2 },
  ],
  [
    'a syntax error in an ES module',
    { 'index.mjs': 'const a = await 1;\n\nconst b = ;' },
    /SyntaxError/,
    { file: 'index.mjs', line: 3 },
  ],
  [
    'a throw while loading',
    { 'index.js': 'require("./lib/a.js")', 'lib/a.js': '\n\nthrow new RangeError("too far")' },
    /RangeError: too far/,
    { file: 'lib/a.js', line: 3 },
  ],
  ['a missing module', { 'index.js': '\nrequire("not-there")' }, /Cannot find module 'not-there'/, {}],
  ['an end while loading', { 'index.js': 'process.exit(7)' }, /exit code 7/, {}],
  [
    'a validator that prints and ends the process',
    { 'index.js': 'console.error("A is missing"); process.exit(1)' },
    /exit code 1/,
    { stderr: 'A is missing\n' },
  ],
  ['a loop while loading', { 'index.js': 'for (;;);' }, /4000 ms/, {}],
  ['a wait without end', { 'index.mjs': 'await new Promise(() => {})' }, /can never settle/, {}],
  [
    'too much memory while loading',
    { 'index.js': 'const kept = []; for (;;) kept.push(Buffer.alloc(8e6, 1))' },
    /128 MB/,
    {},
  ],
];

integration(
  'code that does not load is refused at deploy, with file and line, and the old version stays',
  async (t) => {
    await server().deployed('loads', 'module.exports = () => ({ body: "old" })');
    for (const [what, files, message, place] of loadFailures) {
      const answer = await server().deploy('loads', files);
      t.is(answer.status, 422, `${what}: ${answer.text}`);
      t.like(answer.json, { code: 'LOAD_FAILED', ...place }, what);
      t.regex(answer.json.error, message, what);
      t.notRegex(answer.text, /\/slot|\/worker|worker\/|node:internal/, what);
      t.false(answer.text.includes(server().dir), what);
    }
    t.is((await server().invoke('loads')).json, 'old');
    t.like((await server().request('/info/loads')).json, { version: 1, invokeCount: 1 });
  },
);

integration('a function is told of its request what the contract names, and nothing else', async (t) => {
  const empty = (await call('request')).json;
  t.like(empty, { method: 'POST', path: '/', body: '', json: null });
  // fetch would choose and join headers itself.
  const req = httpRequest(`${server().url}/invoke/contract/a%2Fb/c?do=request&k=1&k=2&__proto__=p`, {
    method: 'PUT',
    headers: [
      ...['Host', new URL(server().url).host, 'x-thing', 'one', 'X-THING', 'two', 'X-Request-Id', 'told-1'],
      ...['Connection', 'close, X-Hop', 'X-Hop', 'dropped', 'TE', 'trailers', 'Content-Length', '8'],
    ],
    signal: AbortSignal.timeout(30_000),
  });
  req.end('{"a":"ü"}'.slice(0, 6) + '1}');
  const [res] = await once(req, 'response');
  const told = JSON.parse(await text(res));
  t.like(told, {
    method: 'PUT',
    path: '/a%2Fb/c',
    id: 'told-1',
    body: '{"a":"1}',
    json: 'rejected: invalid JSON body',
    rawBodyIsUint8Array: true,
    lookUps: ['one, two', 'one, two', 'one, two'],
  });
  t.deepEqual(told.query, JSON.parse('{"do":"request","k":["1","2"],"__proto__":"p"}'));
  t.deepEqual(told.headerKeys.sort(), ['X-Request-Id', 'X-Thing']);
  t.like(told.context, {
    invocationId: 'told-1',
    functionName: 'contract',
    version: 1,
    memoryMb: 128,
    signal: true,
  });
  t.true(told.remaining > 0 && told.remaining <= 30_000);
  t.true(told.untilDeadline > 0 && told.untilDeadline <= 30_000);

  t.deepEqual((await call('request', '', { body: '{"a":[1]}' })).json.json, { a: [1] });
});

integration('bytes pass both ways unchanged, up to the limit and not a byte beyond', async (t) => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const echoed = await call('echo', '', { body: all });
  t.deepEqual(echoed.body, all);
  t.is(echoed.headers.get('content-type'), 'application/octet-stream');
  t.is(echoed.headers.get('content-length'), '256');
  t.is((await call('echo')).body.length, 0);

  const large = Buffer.alloc(6 * MIB, 'glambdar');
  const largeEcho = await call('echo', '', { body: large });
  t.is(largeEcho.status, 200);
  t.true(largeEcho.body.equals(large));
  const over = await call('echo', '', { body: Buffer.alloc(6 * MIB + 1) }).catch((error: unknown) => error);
  // The answer comes before the body was taken; a client that is still sending may see the connection end instead.
  if (!(over instanceof Error)) refused(t, over as Answer, 413, 'BODY_TOO_LARGE');
  t.is((await call('big answer', `&bytes=${6 * MIB}`)).body.length, 6 * MIB);
  refused(t, await call('big answer', `&bytes=${6 * MIB + 1}`), 502, 'RESPONSE_TOO_LARGE', /6291457/);
});

integration('an answer is rendered by its kind', async (t) => {
  const json = 'application/json; charset=utf-8';
  const cases: [string, number, string, string][] = [
    ['bare string', 200, json, '"plain"'],
    ['object', 201, json, '{"a":[1,null,"ü"]}'],
    ['text', 200, 'text/plain; charset=utf-8', 'ünquoted'],
    ['json text', 200, 'application/json', '"{\\"a\\":1}"'],
    ['web response', 418, 'text/plain;charset=UTF-8', 'hello'],
  ];
  await eachOf(cases, async ([deed, ...expected]) => {
    const answer = await call(deed);
    t.deepEqual([answer.status, answer.headers.get('content-type'), answer.text], expected);
  });
  t.like(await call('no body'), { status: 204, text: '' });
  t.like(await call('reset content'), { status: 205, text: '' });

  const { headers, text: body, status } = await call('headers');
  t.is(status, 200);
  t.is(body, '"longer than three"');
  t.deepEqual(headers.getSetCookie(), ['a=1', 'b=2']);
  t.is(headers.get('x-latin'), 'caf\u00e9');
  t.is(headers.get('content-length'), '19');
  t.is(headers.get('trailer'), null);
  t.is(headers.get('transfer-encoding'), null);
  t.is(headers.get('x-content-type-options'), 'nosniff');
});

integration('an answer with as many headers as may be is sent', async (t) => {
  await (fixture ??= server().deployed('contract', source));
  for (const deed of ['100 headers', '16 KiB of headers']) {
    // fetch takes no more than 16 KiB, and the server adds headers of its own.
    const url = `${server().url}/invoke/contract?do=${encodeURIComponent(deed)}`;
    const req = httpRequest(url, { maxHeaderSize: 64 * 1024, signal: AbortSignal.timeout(30_000) });
    req.end();
    const [res] = await once(req, 'response');
    t.is(res.statusCode, 200, deed);
    t.regex(await text(res), /^"beside/);
    const own = Object.keys(res.headers).filter((name) => /^x-(\d+|long)$/.test(name));
    t.is(own.length, deed === '100 headers' ? 100 : 1);
  }
});

integration('an answer that cannot be sent is BAD_RESPONSE and named', async (t) => {
  const cases: [string, RegExp][] = [
    ['nothing', /undefined/],
    ['null', /null/],
    ['foreign keys', /"status"/],
    ['low status', /99/],
    ['odd status', /"200"/],
    ['split header', /x-a/],
    ['header name', /x a/],
    ['101 headers', /101 headers/],
    ['17 KiB header', /bytes of headers/],
    ['circular body', /JSON/],
  ];
  await eachOf(cases, async ([deed, message]) => refused(t, await call(deed), 502, 'BAD_RESPONSE', message));
});

integration(
  'a function that fails is told of by its own message, its stack goes to the record',
  async (t) => {
    const cases: [string, RegExp][] = [
      ['throw text', /^just text$/],
      ['throw nothing', /^function execution failed$/],
      ['reject', /^rejected luck$/],
      ['throw later', /^late luck$/],
      ['recursion', /Maximum call stack/],
      ['hostile error', /^function execution failed$/],
      ['unsettled', /never answered/],
    ];
    await eachOf(cases, async ([deed, message]) =>
      refused(t, await call(deed), 500, 'FUNCTION_ERROR', message),
    );
    const thrown = await call('throw');
    refused(t, thrown, 500, 'FUNCTION_ERROR', /^no luck$/);
    const record = await recordOf(thrown);
    t.like(record, { outcome: 'function_error', status: 500, funcName: 'contract', version: 1 });
    t.regex(record.error.stack, /TypeError: no luck\n\s+at .*index\.js:\d+/);
    t.notRegex(record.error.stack, /worker\/|\/slot/);
  },
);

integration(
  'a process that ends before it answers is INSTANCE_CRASHED with its code or signal',
  async (t) => {
    const cases: [string, RegExp, number][] = [
      ['exit', /exit code 3/, 3],
      ['exit 0', /exit code 0/, 0],
      ['kill self', /SIGKILL/, 137],
      ['abort', /SIGABRT/, 134],
    ];
    for (const [deed, message, exitCode] of cases) {
      const answer = await call(deed);
      refused(t, answer, 502, 'INSTANCE_CRASHED', message);
      t.is(answer.json.exitCode, exitCode);
      t.is((await recordOf(answer)).outcome, 'crash');
    }
  },
);

integration(
  'a call that takes too long is ended, whatever its code does, and so is its container',
  async (t) => {
    await server().deployed('slow', source, { timeoutMs: 500 });
    for (const deed of ['hang', 'block']) {
      const answer = await server().invoke(`slow?do=${deed}`);
      refused(t, answer, 504, 'INVOCATION_TIMEOUT', /500 ms/);
      const record = await recordOf(answer);
      t.is(record.outcome, 'timeout');
      if (deed === 'block') t.is(record.stdout, 'before the loop\n');
    }
    await server().assertIdle();
  },
);

integration(
  'a client that goes is noticed: the signal aborts, the container goes, the record says cancelled',
  async (t) => {
    for (const [deed, printed] of [
      ['until aborted', 'waiting\nheard of it\n'],
      ['deaf', 'not listening\n'],
    ] as const) {
      const client = new AbortController();
      const id = `goes-${deed.replace(' ', '-')}`;
      const going = call(deed, '', { signal: client.signal, headers: { 'X-Request-Id': id } });
      const gone = t.throwsAsync(going, { any: true });
      // Only when it runs: the states of instances are gauges.
      await until(
        'the call runs',
        async () => (await server().metric('glambdar_instances{state="busy"}')) === 1,
      );
      client.abort();
      await gone;
      await until(
        'its record is there',
        async () => (await server().request(`/invocations/${id}`)).status === 200,
      );
      await server().assertIdle();
      const record = (await server().request(`/invocations/${id}`)).json;
      t.like(record, { outcome: 'cancelled', stdout: printed });
    }
  },
);

integration('settings come by form, by glambdar.json and by /config, and the form wins', async (t) => {
  const files = {
    'index.js': source,
    'glambdar.json': '{"memoryMb": 96, "timeoutMs": 9000, "env": {"FROM": "file"}}',
  };
  const deployed = await server().deploy('set', files, {
    memoryMb: 100,
    env: { FROM: 'form', SPACED: 'a b=c' },
  });
  t.is(deployed.status, 201, deployed.text);
  t.like((await server().request('/info/set')).json.settings, {
    memoryMb: 100,
    timeoutMs: 9000,
    env: { FROM: 'form', SPACED: 'a b=c' },
  });
  t.deepEqual((await server().invoke('set?do=memory')).json, { memoryMb: 100, version: 1 });
  t.like((await server().invoke('set?do=env')).json, { FROM: 'form', SPACED: 'a b=c' });

  const configure = (body: string) =>
    server().request('/config/set', {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/json' },
    });
  const changed = await configure('{"memoryMb":110,"env":{"FROM":"config"}}');
  t.is(changed.status, 200, changed.text);
  t.deepEqual(changed.json, {
    function: 'set',
    status: 'updated',
    version: 2,
    memoryMb: 110,
    env: { FROM: 'config', SPACED: 'a b=c' },
  });
  t.deepEqual((await server().invoke('set?do=memory')).json, { memoryMb: 110, version: 2 });
  t.like((await server().invoke('set?do=env')).json, { FROM: 'config', SPACED: 'a b=c' });
  t.is((await configure('{"env":{"SPACED":null}}')).status, 200);
  const env = (await server().invoke('set?do=env')).json;
  t.is(env.FROM, 'config');
  t.false('SPACED' in env);
  t.is((await configure('{"timeoutMs":8000}')).status, 200);
  t.like((await server().request('/info/set')).json, { version: 3, settings: { timeoutMs: 8000 } });
  refused(t, await configure('{"timeoutMs":1}'), 400, 'INVALID_REQUEST', /timeoutMs/);
  refused(t, await configure('{"unknown":1}'), 400, 'INVALID_REQUEST', /unknown/);
  refused(t, await configure('[1'), 400, 'INVALID_REQUEST');
});

integration(
  'a redeploy switches at once: what runs stays on its version, what comes later gets the new one',
  async (t) => {
    const version = (v: number) =>
      `exports.handler = async () => { await new Promise((r) => setTimeout(r, 1500)); return { body: ${v} } }`;
    await server().deployed('moving', version(1));
    const running = server().invoke('moving');
    await until(
      'the call runs',
      async () => (await server().metric('glambdar_instances{state="busy"}')) === 1,
    );
    const second = await server().deploy('moving', { 'index.js': version(2) });
    t.like(second.json, { function: 'moving', version: 2 });
    const later = server().invoke('moving');
    t.is((await running).json, 1);
    t.is((await later).json, 2);
    const records = (await server().request('/logs/moving')).json;
    t.deepEqual(records.map((record: { version: number }) => record.version).sort(), [1, 2]);
    // Removal waits for what runs.
    const last = server().invoke('moving');
    await until(
      'the call runs',
      async () => (await server().metric('glambdar_instances{state="busy"}')) === 1,
    );
    t.is((await server().request('/del/moving', { method: 'DELETE' })).status, 200);
    t.is((await last).json, 2);
    refused(t, await server().invoke('moving'), 404, 'FUNCTION_NOT_FOUND');
  },
);

integration(
  'a record keeps what a call printed, its children included, and where its time went',
  async (t) => {
    const printed = await call('print', '', { headers: { 'X-Request-Id': 'print-1' } });
    t.is(printed.headers.get('x-request-id'), 'print-1');
    const record = await recordOf(printed);
    t.like(record, {
      id: 'print-1',
      funcName: 'contract',
      status: 200,
      outcome: 'ok',
      stdout: 'to stdout { a: 1 }\nno line end',
      stderr: 'to stderr\n',
      error: null,
    });
    t.true(['cold', 'standby', 'loaded'].includes(record.start));
    t.true(record.runMs > 0 && record.peakMemoryMb > 1);
    t.true(record.durationMs >= record.runMs);
    t.is(new Date(record.invokedAt).toISOString(), record.invokedAt);

    const child = await call('child');
    t.deepEqual(child.json, { code: 0 });
    // What bypasses the console is read when the container ends, after the answer.
    let last = await recordOf(child);
    await until('the output is there', async () => (last = await recordOf(child)).stderr !== '');
    t.like(last, { stdout: 'child out\n', stderr: 'child err\n' });
    t.is((await call('child output')).json, '42\n');

    const much = await recordOf(await call('print too much'));
    t.is(much.stdout.length, 256 * 1024 + '\n[45056 more bytes were cut]'.length);
    t.true(much.stdout.endsWith('\n[45056 more bytes were cut]'));

    // Five megabytes past the console: the end is kept, and it is said that this is not all. The daemon reads each stream by
    // itself and keeps half a megabyte of both: a word on the other one may come in before the flood, and be washed away.
    const flood = await call('child flood');
    t.deepEqual(flood.json, { status: 0 });
    await until('the output is there', async () => (last = await recordOf(flood)).stdout !== '');
    t.is(last.stdout.length, 256 * 1024);
    t.true(last.stdout.startsWith('[earlier output was cut]\nxxx') && last.stdout.endsWith('xxx\nthe end\n'));

    const newest = (await server().request('/logs/contract?limit=2')).json;
    t.is(newest[0].id, last.id);
    t.is(newest[1].id, much.id);
    t.is(newest.length, 2);
    const older = (await server().request(`/logs/contract?limit=1&before=${newest[0].id}`)).json;
    t.is(older[0].id, newest[1].id);
  },
);

integration(
  'what is written past the console without a line end is on record, however the call ended',
  async (t) => {
    const source = `
    const { writeSync } = require('node:fs');
    exports.handler = ({ query }) => {
      writeSync(1, 'first line\\nlast words');
      if (query.do !== 'hang') return { body: 'ok' };
      for (;;);
    };`;
    await server().deployed('unterminated', source, { timeoutMs: 500 });
    const words = ['return', 'return', 'return', 'return', 'hang'];
    const answers = await Promise.all(words.map((word) => server().invoke(`unterminated?do=${word}`)));
    t.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 504],
    );
    for (const answer of answers) {
      let { stdout } = await recordOf(answer);
      await until('the output is there', async () => (stdout = (await recordOf(answer)).stdout) !== '');
      t.is(stdout, 'first line\nlast words');
    }
  },
);

integration('logs can be followed as they come', async (t) => {
  const reader = new AbortController();
  const response = await fetch(`${server().url}/logs/contract?follow=1`, {
    signal: AbortSignal.any([reader.signal, AbortSignal.timeout(30_000)]),
  });
  t.is(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const called = await call('print', '', { headers: { 'X-Request-Id': 'followed-1' } });
  t.is(called.status, 200);
  let seen = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    seen += chunk;
    if (seen.includes('id: followed-1') && seen.endsWith('\n\n')) break;
  }
  const event = seen.split('\n\n').find((part) => part.includes('id: followed-1'))!;
  t.regex(event, /^event: invocation$/m);
  t.is(JSON.parse(/^data: (.*)$/m.exec(event)![1]!).stdout, 'to stdout { a: 1 }\nno line end');
  reader.abort();
});

integration('requests per second and calls at once are limited when the function says so', async (t) => {
  await server().deployed('limited', source, { rateLimit: 0.1, maxConcurrency: 1 });
  t.is((await server().invoke('limited?do=bare+string')).status, 200);
  const limited = await server().invoke('limited?do=bare+string');
  refused(t, limited, 429, 'RATE_LIMITED');
  t.regex(limited.headers.get('retry-after') ?? '', /^([1-9]|10)$/);

  await server().deployed('single', source, { maxConcurrency: 1 });
  const client = new AbortController();
  const first = t.throwsAsync(server().invoke('single?do=deaf', { signal: client.signal }), { any: true });
  await until('the call runs', async () => (await server().metric('glambdar_instances{state="busy"}')) === 1);
  const second = await server().invoke('single?do=bare+string');
  refused(t, second, 429, 'CONCURRENCY_LIMIT');
  t.regex(second.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  client.abort();
  await first;
  await until(
    'its place is free',
    async () => (await server().invoke('single?do=bare+string')).status === 200,
  );
});

integration(
  'with isolation "function" a container is used again, by one call at a time, and never after a crash',
  async (t) => {
    await server().deployed(
      'warm',
      `let calls = 0; let running = 0; let most = 0;
     exports.handler = async (req) => {
       calls += 1; running += 1; most = Math.max(most, running);
       console.log('call ' + calls);
       if (req.query.do === 'exit') process.exit(1);
       if (req.query.do === 'throw') { running -= 1; throw new Error('no'); }
       if (req.query.do === 'late') { running -= 1; setTimeout(() => { throw new Error('afterwards'); }, 5); return { body: calls }; }
       await new Promise((resolve) => setTimeout(resolve, 50));
       running -= 1;
       return { body: { calls, most, uid: process.getuid() } };
     };`,
      { isolation: 'function' },
    );
    const first = await server().invoke('warm');
    t.like(first.json, { calls: 1 });
    const second = await server().invoke('warm');
    t.deepEqual(second.json, { ...first.json, calls: 2 });
    const record = await recordOf(second);
    t.like(record, { start: 'warm', startMs: 0, stdout: 'call 2\n' });
    // A throw does not cost the container its life.
    t.is((await server().invoke('warm?do=throw')).status, 500);
    t.like((await server().invoke('warm')).json, { calls: 4 });
    const several = await Promise.all([1, 2, 3].map(() => server().invoke('warm')));
    for (const answer of several) t.is(answer.json.most, 1);
    // Those that crash are gone.
    const kept = await server().metric('glambdar_instances{state="warm"}');
    t.true(kept >= 1 && kept <= 4);
    for (let i = 0; i < kept; i += 1) t.is((await server().invoke('warm?do=exit')).status, 502);
    t.like((await server().invoke('warm')).json, { calls: 1 });
    // What a call left behind ends the container, not the next call.
    t.is((await server().invoke('warm?do=late')).json, 2);
    await until(
      'it is noticed',
      async () => (await server().metric('glambdar_instances{state="warm"}')) === 0,
    );
    t.like((await server().invoke('warm')).json, { calls: 1 });
    t.is((await server().request('/del/warm', { method: 'DELETE' })).status, 200);
    await server().assertIdle();
  },
);

integration('the metrics count what happened', async (t) => {
  const { text: metrics, headers } = await server().request('/metrics');
  t.regex(headers.get('content-type') ?? '', /^text\/plain/);
  const total = (outcome: string): number =>
    [
      ...metrics.matchAll(
        new RegExp(`^glambdar_invocations_total\\{function="contract",outcome="${outcome}",.* (\\d+)$`, 'gm'),
      ),
    ]
      .map(([, count]) => Number(count))
      .reduce((sum, count) => sum + count, 0);
  t.true(total('ok') > 1);
  t.is(total('crash'), 4);
  t.regex(
    metrics,
    /^glambdar_http_request_duration_seconds_count\{route="\/invoke\/:name".*status="502"\} \d+$/m,
  );
  t.notRegex(metrics, /function="warm"/, 'it was deleted');
  const { functions } = (await server().request('/info')).json;
  t.is(await server().metric('glambdar_functions'), functions.length);
  t.is(await server().metric('glambdar_queue_length'), 0);
  t.is(await server().metric('glambdar_driver_available'), 1);
  const info = functions.find(({ name }: { name: string }) => name === 'contract');
  t.true(info.invokeCount > 40 && info.errorCount > 20 && info.lastInvokedAt !== null);
});

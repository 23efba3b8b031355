import test from 'ava';
import { FunctionProcess, type Files } from '../../../helpers/function-process.js';

const FETCH = `async fetch(request, env, context) {
  return Response.json({
    method: request.method, url: request.url, type: request.headers.get('content-type'),
    custom: request.headers.get('x-a'), body: await request.text(), env: env.GREETING,
    name: context.functionName, id: context.invocationId, aborted: request.signal.aborted,
  }, { status: 201, headers: { 'x-b': 'c' } });
}`;

const shapes: [what: string, files: Files][] = [
  ['the default export of an ES module', { 'index.mjs': `export default { ${FETCH} };` }],
  [
    'the default export of a transpiled ES module',
    {
      'index.js': `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = { ${FETCH} };`,
    },
  ],
  ['module.exports', { 'index.js': `module.exports = { ${FETCH} };` }],
  ['an object of a class', { 'index.mjs': `class App { ${FETCH} } export default new App();` }],
];

for (const [what, files] of shapes)
  test(`a fetch that is in ${what} is called with a Request and answers with a Response`, async (t) => {
    const fn = await FunctionProcess.load(t, files, { env: { GREETING: 'hi' } });
    const { message, text } = await fn.answer({
      path: '/a%20b',
      query: 'n=1&n=2',
      host: 'example.org:8000',
      protocol: 'https',
      headers: [
        ['content-type', 'text/plain'],
        ['x-a', '1'],
        ['x-a', '2'],
      ],
      body: 'grüße',
    });
    t.is(message.statusCode, 201);
    t.true(message.headers.some(([name, value]) => name === 'x-b' && value === 'c'));
    t.deepEqual(JSON.parse(text), {
      method: 'POST',
      url: 'https://example.org:8000/a%20b?n=1&n=2',
      type: 'text/plain',
      custom: '1, 2',
      body: 'grüße',
      env: 'hi',
      name: 'hello',
      id: 'call-1',
      aborted: false,
    });
  });

test('an export named handler, and a default export that is a function, come before a fetch', async (t) => {
  const named = await FunctionProcess.load(t, {
    'index.mjs':
      "export const handler = () => ({ body: 'handler' }); export default { fetch: () => new Response('fetch') };",
  });
  t.is(await named.json(), 'handler');
  const both = await FunctionProcess.load(
    t,
    "module.exports = Object.assign(() => ({ body: 'function' }), { fetch: () => new Response('fetch') });",
  );
  t.is(await both.json(), 'function');
});

test('a named export fetch of an ES module is not taken for an app', async (t) => {
  const error = await FunctionProcess.loadError(t, {
    'index.mjs': 'export const fetch = () => new Response(1);',
  });
  t.regex(error.message, /or a default export with a "fetch", found "fetch"\.$/);
});

test('the export with a fetch may be named by the handler setting', async (t) => {
  const fn = await FunctionProcess.load(t, "exports.app = { fetch: () => new Response('named') };", {
    handler: 'index.app',
  });
  t.is((await fn.answer()).text, 'named');
});

test('a fetch keeps its app as this, and a GET has no body', async (t) => {
  const fn = await FunctionProcess.load(t, {
    'index.mjs':
      "export default { word: 'mine', fetch(request) { return new Response(this.word + (request.body === null)); } };",
  });
  t.is((await fn.answer({ method: 'GET', body: 'x' })).text, 'minetrue');
  t.is((await fn.answer({ host: 'no host at all' })).text, 'minetrue');
});

test('the answer waits for the work given to waitUntil, whose error fails no call', async (t) => {
  const fn = await FunctionProcess.load(t, {
    'index.mjs': `export default { fetch(request, env, context) {
      context.waitUntil(new Promise((resolve) => setTimeout(resolve, 30)).then(() => console.log('done')));
      context.waitUntil(Promise.reject(new Error('in the background')));
      const { readable, writable } = new TransformStream();
      context.waitUntil(new Blob(['x'.repeat(100_000)]).stream().pipeTo(writable));
      return new Response(readable);
    } };`,
  });
  t.is((await fn.answer()).body.length, 100_000);
  t.is(fn.logs.stdout, 'done\n');
  t.regex(fn.logs.stderr, /in the background/);
});

test('a fetch that answers with no Response, or throws, is told so', async (t) => {
  const fn = await FunctionProcess.load(t, {
    'index.mjs':
      "export default { fetch(request) { if (request.method === 'PUT') throw new Error('no'); return { body: 1 }; } };",
  });
  t.like(await fn.failure(), {
    kind: 'bad-response',
    error: { message: 'fetch returned an object with the keys "body"; expected a Response.' },
  });
  t.like(await fn.failure({ method: 'PUT' }), { kind: 'function', error: { message: 'no' } });
});

test('a handler written for a web-standard Request finds its address and body', async (t) => {
  const fn = await FunctionProcess.load(t, {
    'index.mjs':
      'export default async (request) => Response.json([new URL(request.url).searchParams.get("n"), await request.text(), (await request.arrayBuffer()).byteLength]);',
  });
  t.deepEqual(await fn.json({ query: 'n=1', body: '\ufeffhey' }), ['1', 'hey', 6]);
});

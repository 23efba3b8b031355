/** What authors write elsewhere runs here: TypeScript, web-standard apps, Lambda handlers, with real packages from npm. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { integration } from '../helpers/integration.js';
import { serverForFile, until, type Files } from '../helpers/server-process.js';

const run = promisify(execFile);
const server = serverForFile();
const examples = join(import.meta.dirname, '../../examples');

/** The files below a folder as the content of a zip. */
function filesIn(folder: string): Files {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    entries.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length + 1), readFileSync(path)];
    }),
  );
}

/** An example's files, or others, with the packages that its package.json names. */
async function withPackages(t: { teardown(end: () => void): void }, files: string | Files): Promise<Files> {
  const folder = mkdtempSync(join(tmpdir(), 'glambdar-packages-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  if (typeof files === 'string') cpSync(join(examples, files), folder, { recursive: true });
  else for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });
  rmSync(join(folder, 'node_modules/.bin'), { recursive: true, force: true });
  return filesIn(folder);
}

/** The record of the last call of a function, once its stderr has come. */
async function lastRecord(name: string) {
  return (await server().request(`/logs/${name}?limit=1`)).json[0];
}

integration('the example for Lambda runs unchanged', async (t) => {
  t.is((await server().deploy('lambda', filesIn(join(examples, 'lambda')))).status, 201);
  const answer = await server().invoke('lambda/some/path?name=Ada', { method: 'GET' });
  t.is(answer.status, 200, answer.text);
  t.like(answer.json, { message: 'Hello, Ada!', path: '/some/path' });
  t.is(answer.json.id, answer.headers.get('x-invocation-id'));
  t.is(answer.headers.get('set-cookie'), 'seen=yes');
  t.is(answer.headers.get('content-type'), 'application/json');
  t.regex((await lastRecord('lambda')).stdout, /^GET \/some\/path from (127\.0\.0\.1|::1)\n$/);
});

integration('an Express app runs through serverless-http', async (t) => {
  const files = await withPackages(t, 'lambda-express');
  const deployed = await server().deploy('express', files);
  t.is(deployed.status, 201, deployed.text);
  const answer = await server().invoke('express/greetings', {
    headers: { 'content-type': 'application/json' },
    body: '{"name":"Ada"}',
  });
  t.is(answer.status, 201, answer.text);
  t.deepEqual(answer.json, { message: 'Hello, Ada!' });
});

integration('a Hono app runs as a default export, and through its adapter for Lambda', async (t) => {
  const files = await withPackages(t, {
    'package.json': '{"type":"module","private":true,"dependencies":{"hono":"^4.6.0"}}',
    'index.js': `import { Hono } from 'hono';
      import { handle, streamHandle } from 'hono/aws-lambda';
      const app = new Hono();
      app.get('/hi/:who', (c) => c.json({ hi: c.req.param('who'), n: c.req.query('n') }, 201));
      app.get('/png', (c) => c.body(new Uint8Array([0x89, 0x50, 0x4e, 0x47]), 200, { 'content-type': 'image/png' }));
      export const forLambda = handle(app);
      export const streaming = globalThis.awslambda && streamHandle(app);
      export default app;`,
  });
  for (const settings of [
    {},
    { contract: 'lambda', handler: 'index.forLambda' },
    { contract: 'lambda', handler: 'index.streaming' },
  ]) {
    const deployed = await server().deploy('hono', files, settings);
    t.is(deployed.status, 201, deployed.text);
    const answer = await server().invoke('hono/hi/ada?n=1', { method: 'GET' });
    t.is(answer.status, 201, answer.text);
    t.deepEqual(answer.json, { hi: 'ada', n: '1' });
    const png = await server().invoke('hono/png', { method: 'GET' });
    t.is(png.headers.get('content-type'), 'image/png');
    t.is(png.headers.get('content-length'), '4');
  }
});

integration('the examples for the web standard and for TypeScript run', async (t) => {
  t.is((await server().deploy('web-fetch', filesIn(join(examples, 'web-fetch')))).status, 201);
  const web = await server().invoke('web-fetch/hello?name=Ada', { method: 'GET' });
  t.deepEqual([web.status, web.json], [200, { message: 'Hello, Ada!' }]);
  t.is((await server().invoke('web-fetch/other', { method: 'GET' })).status, 404);
  const typed = await server().deploy('typescript', filesIn(join(examples, 'typescript')));
  t.is(typed.status, 201, typed.text);
  t.deepEqual((await server().invoke('typescript', { body: '{"name":"Ada"}' })).json, {
    message: 'Hello, Ada!',
  });
});

const typescript = 'export const handler = async (req: { path: string }) => ({ body: req.path });\n';
const entries: [what: string, files: Files, settings?: Record<string, unknown>][] = [
  ['index.ts', { 'index.ts': typescript }],
  ['index.mts', { 'index.mts': typescript }],
  ['index.cts', { 'index.cts': 'exports.handler = (req: { path: string }) => ({ body: req.path });' }],
  ['a main that is TypeScript', { 'package.json': '{"main":"src/app.ts"}', 'src/app.ts': typescript }],
  [
    'a handler setting without extension',
    { 'a.txt': '', 'src/app.ts': typescript },
    { handler: 'src/app.handler' },
  ],
  [
    'a handler setting with extension',
    { 'a.txt': '', 'src/app.ts': typescript },
    { handler: 'src/app.ts.handler' },
  ],
];

for (const [what, files, settings] of entries)
  integration(`TypeScript is found as ${what}`, async (t) => {
    const name = `ts-${entries.findIndex(([one]) => one === what)}`;
    const deployed = await server().deploy(name, files, settings);
    t.is(deployed.status, 201, deployed.text);
    t.is((await server().invoke(`${name}/x`)).json, '/x');
    const { stderr } = await lastRecord(name);
    t.is(stderr, '', 'no warning of Node reaches the log');
  });

const faults: [what: string, files: Files, error: RegExp, place: Record<string, unknown>][] = [
  [
    'syntax that makes code',
    { 'index.ts': 'export const a = 1;\nexport enum Color { Red }\nexport const handler = () => a;' },
    /enum is not supported in strip-only mode: Node only takes types away\. .* or compile it to JavaScript .*npx esbuild/,
    { file: 'index.ts', line: 2 },
  ],
  [
    'a type that is imported as a value',
    {
      'index.ts': "import { T } from './t.ts';\nexport const handler = (t: T) => t;",
      't.ts': 'export type T = string;',
    },
    /does not provide an export named 'T': if it is a type, import it with "import type"/,
    {},
  ],
  [
    'an import without extension',
    {
      'index.ts': "import { b } from './b';\nexport const handler = () => b;",
      'b.ts': 'export const b = 1;',
    },
    /Cannot find module 'b' imported from index\.ts \(there is b\.ts: Node needs the name of the file as it is in an import/,
    {},
  ],
  [
    'a main that was not built',
    { 'package.json': '{"main":"dist/index.js"}', 'src/app.ts': typescript },
    /no entry file: package\.json names "dist\/index\.js" as its "main", which is not in the zip/,
    {},
  ],
];

for (const [what, files, error, place] of faults)
  integration(`a deploy is refused with advice because of ${what}`, async (t) => {
    const answer = await server().deploy('fault', files);
    t.is(answer.status, 422, answer.text);
    t.regex(answer.json.error, error);
    t.like(answer.json, { code: 'LOAD_FAILED', ...place });
  });

integration('a stack names the places of the sources where code comes with a source map', async (t) => {
  // All of line 1 of index.js is line 4, column 9 of src.ts.
  const map = { version: 3, sources: ['src.ts'], names: [], mappings: 'AAGQ' };
  const deployed = await server().deploy('mapped', {
    'index.js':
      "exports.handler = async () => { throw new Error('mapped'); };\n//# sourceMappingURL=index.js.map\n",
    'index.js.map': JSON.stringify(map),
  });
  t.is(deployed.status, 201, deployed.text);
  t.is((await server().invoke('mapped')).status, 500);
  t.regex((await lastRecord('mapped')).error.stack, /^Error: mapped\n\s+at \S+ \(src\.ts:4:9\)/);
});

integration(
  'a body that is no JSON is the fault of the caller, if the function does not catch it',
  async (t) => {
    await server().deployed('parse', 'exports.handler = async (req) => ({ body: await req.json() });');
    const answer = await server().invoke('parse', { body: '{"a":}' });
    t.is(answer.status, 400, answer.text);
    t.like(answer.json, {
      code: 'INVALID_BODY',
      error:
        'invalid JSON body: unexpected "}" at position 5 (line 1, column 6); its Content-Type is "text/plain;charset=UTF-8".',
    });
    t.deepEqual((await server().invoke('parse', { body: '\ufeff{"a":1}' })).json, { a: 1 });
  },
);

integration('errors of the missing network and of the read-only folder come with what to do', async (t) => {
  await server().deployed(
    'hints',
    `const fs = require('node:fs');
     exports.handler = async (req) => {
       if (req.path === '/fetch') await fetch('https://example.com/');
       if (req.path === '/caught') await fetch('https://example.com/').catch(() => undefined);
       if (req.path === '/get') await new Promise((resolve) => require('node:https').get('https://example.com/').on('error', resolve));
       if (req.path === '/caught' || req.path === '/get' || req.path === '/nothing') return { body: 1 };
       if (req.path === '/write') fs.writeFileSync('out.txt', 'x');
       if (req.path === '/overwrite') fs.writeFileSync(__filename, 'x');
       if (req.path === '/mkdir') fs.mkdirSync('uploads', { recursive: true });
       if (req.path === '/root') fs.writeFileSync('/out.txt', 'x');
     };`,
  );
  const readOnly = "glambdar: the function's folder is read-only; only /tmp can be written\n";
  for (const [path, hint] of [
    [
      'fetch',
      'glambdar: example.com cannot be reached: this function has network "none"; POST /config/hints {"network":"bridge"} gives it one\n',
    ],
    ['write', readOnly],
    ['overwrite', readOnly],
    ['mkdir', readOnly],
    ['root', 'glambdar: only /tmp can be written\n'],
  ] as const) {
    const answer = await server().invoke(`hints/${path}`);
    t.is(answer.json.code, 'FUNCTION_ERROR', answer.text);
    t.is((await lastRecord('hints')).stderr, hint, path);
  }
  // A function that catches the error answers as usual, and its author is told all the same.
  for (const [path, told] of [
    ['caught', true],
    ['get', true],
    ['nothing', false],
  ] as const) {
    t.is((await server().invoke(`hints/${path}`)).text, '1');
    const { stderr } = await lastRecord('hints');
    t.is(stderr.startsWith('glambdar: example.com cannot be reached: '), told, path);
  }
});

integration(
  'work that a call leaves running, and an error after the answer, are told in its log',
  async (t) => {
    const cases: [name: string, work: string, hint: RegExp][] = [
      [
        'left-timer',
        'setTimeout(() => undefined, 5_000);',
        /^glambdar: work was still running when the function answered: a timer\. [^\n]+\n$/,
      ],
      [
        'left-server',
        "await new Promise((resolve) => require('node:http').createServer().listen(3000, resolve));",
        /^glambdar: the function listens on port 3000, where nobody can reach it; [^\n]+\n$/,
      ],
      [
        'left-error',
        "Promise.reject(new Error('nobody'));",
        /^glambdar: an error that nobody caught ended the process while no call was running: Error: nobody \(index\.js:2\)/,
      ],
    ];
    for (const [name, work, hint] of cases) {
      await server().deployed(
        name,
        `exports.handler = async () => {\n  ${work}\n  return { body: 'done' };\n};`,
      );
      t.is((await server().invoke(name)).text, '"done"');
      // The line is read from the container when that has ended.
      let stderr = '';
      await until('the line is there', async () => ({ stderr } = await lastRecord(name)) && stderr !== '');
      t.regex(stderr, hint);
    }
  },
);

integration('the answer of a deploy has hints about files and code, and the deploy succeeds', async (t) => {
  const answer = await server().deploy('hinted', {
    'index.js': "require('node:net').createServer().listen(3000); exports.handler = () => ({ body: 'ok' });",
    '.env': 'TOKEN=x',
  });
  t.is(answer.status, 201, answer.text);
  t.is(answer.json.hints.length, 2);
  t.regex(answer.json.hints[0], /^\.env is part of the bundle/);
  t.regex(answer.json.hints[1], /^The code listens on port 3000 while it loads/);
  t.is((await server().invoke('hinted')).text, '"ok"');
  t.regex((await lastRecord('hinted')).stderr, /^glambdar: the code listens on port 3000 [^\n]+\n$/);
});

integration(
  'a handler may wait for an unreferenced timer; a promise without end is told at once',
  async (t) => {
    await server().deployed(
      'timers',
      `exports.handler = async ({ path }) => {
       await new Promise((resolve) => path === '/never' || AbortSignal.timeout(100).addEventListener('abort', resolve));
       return { body: 'done' };
     };`,
    );
    t.is((await server().invoke('timers')).json, 'done');
    const begun = performance.now();
    const never = await server().invoke('timers/never');
    t.regex(never.json.error, /never answered: its promise can never settle/);
    t.true(performance.now() - begun < 5_000);
  },
);

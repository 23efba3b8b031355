/** The API of faas as its clients see it: the lines of the example's README, and a table of every answer. */
import { join } from 'node:path';
import { runDocumented } from '../helpers/documented-lines.js';
import { integration } from '../helpers/integration.js';
import { serverForFile, zipOf, type Answer } from '../helpers/server-process.js';
import { buildTar, tarEntries, type TarEntry } from '../helpers/tar-blocks.js';

const server = serverForFile({ env: { GLAMBDAR_MAX_ZIP_MB: '1', GLAMBDAR_MAX_BODY_BYTES: '100000' } });
const example = join(import.meta.dirname, '../../examples/faas');

const CODE =
  "module.exports = (context, cb) => new Function('context', 'cb', context.code ?? 'cb(context)')(context, cb);";
const FAILED = 'Failed to deploy function';
const UNREADABLE = 'Failed to get function data from request body';

const index = (content: string) => ({ name: 'index.js', content }) satisfies TarEntry;
const post = (path: string, body?: string): Promise<Answer> =>
  server().request(path, { method: 'POST', ...(body === undefined ? {} : { body }) });
const deploy = (name: unknown, archive: Buffer): Promise<Answer> =>
  post('/functions', JSON.stringify({ name, file: archive.toString('base64') }));

integration("the lines of the example's README answer what stands below them", async (t) => {
  const { said, expected } = await runDocumented(example, server().url);
  t.is(expected.length, 11);
  t.deepEqual(said, expected);
  const info = (await server().request('/info/add')).json;
  t.like(info, { version: 1, settings: { contract: 'faas' }, invokeCount: 2, errorCount: 0 });
  const [record] = (await server().request('/logs/add?limit=1')).json;
  t.like(record, { funcName: 'add', outcome: 'ok', status: 200 });
});

integration(
  'every kind of archive deploys, and a new one of the same name replaces the old one',
  async (t) => {
    const name = 'replaced';
    const says = (word: string) => index(`module.exports = (context, cb) => cb('${word}')`);
    const client = [
      says('from a folder'),
      { name: 'server.js', content: "throw new Error('the original server')" },
      { name: 'Dockerfile', content: 'FROM node:12' },
      { name: 'fn.yaml', content: 'language: node' },
      { name: 'package.json', content: '{"main":"index.js"}' },
    ];
    const archives: [word: string, archive: Buffer][] = [
      ['plain', buildTar(says('plain'))],
      // The last content unpadded, and no blocks that end the archive.
      ['cut', tarEntries(says('cut')).subarray(0, 512 + says('cut').content.length)],
      [
        'from a folder',
        buildTar(
          { name: './', type: '5' },
          ...client.map((entry) => ({ ...entry, name: `./${entry.name}` })),
        ),
      ],
      ['zipped', zipOf({ 'index.js': says('zipped').content })],
    ];
    for (const [word, archive] of archives) {
      const deployed = await deploy(name, archive);
      t.deepEqual(deployed.json, { invoke: `${server().url}/functions/${name}` });
      t.is(deployed.status, 200);
      t.deepEqual((await post(`/functions/${name}`, '{}')).json, { response: JSON.stringify(word) });
    }
    t.like((await server().request(`/info/${name}`)).json, { version: 4 });
  },
);

integration('settings of an earlier deploy stay, and the contract becomes that of faas', async (t) => {
  await server().deployed('kept', 'exports.handler = () => ({ body: 1 })', { timeoutMs: 1234, memoryMb: 96 });
  t.is((await deploy('kept', buildTar(index(CODE)))).status, 200);
  t.like((await server().request('/info/kept')).json.settings, {
    timeoutMs: 1234,
    memoryMb: 96,
    contract: 'faas',
  });
  t.deepEqual((await post('/functions/kept', '{"a":1}')).json, { response: '{"a":1}' });
  t.is(
    (await server().invoke('kept', { body: '{"a":1}' })).text,
    '{"a":1}',
    'and is called by other families, too',
  );
});

integration('calls answer as the table has it', async (t) => {
  t.is((await deploy('table', buildTar(index(CODE)))).status, 200);
  const code = (text: string): string => JSON.stringify({ code: text });
  const rows: [body: string | undefined, status: number, json: unknown][] = [
    [undefined, 200, { response: '{}' }],
    ['', 200, { response: '{}' }],
    ['{"hello":"world"}', 200, { response: '{"hello":"world"}' }],
    ['[1,2]', 200, { response: '[1,2]' }],
    [code('cb({ hello: "wörld" })'), 200, { response: '{"hello":"wörld"}' }],
    [code('cb("text")'), 200, { response: '"text"' }],
    [code('cb()'), 200, { response: '' }],
    [code('cb(1); cb(2); throw new Error("late")'), 200, { response: '1' }],
    [code('setTimeout(cb, 1, 5)'), 200, { response: '5' }],
    [code('throw new Error("sync")'), 400, { message: 'sync' }],
    [code('return Promise.reject(new Error("async"))'), 400, { message: 'async' }],
  ];
  for (const [body, status, json] of rows) {
    const answer = await post('/functions/table', body);
    t.is(answer.status, status, body);
    t.deepEqual(answer.json, json, body);
    t.is(answer.headers.get('content-type'), 'application/json; charset=utf-8');
    t.truthy(answer.headers.get('x-request-id'));
    t.truthy(answer.headers.get('x-invocation-id'));
  }
  for (const [body, message] of [
    ['{', /JSON/],
    [code(''), /never answered/],
    [code('process.exit(3)'), /exit code 3/],
    ['x'.repeat(100_001), /larger than 100000 bytes/],
  ] as const) {
    const answer = await post('/functions/table', body);
    t.is(answer.status, 400);
    t.deepEqual(Object.keys(answer.json), ['message']);
    t.regex(answer.json.message, message);
  }
});

integration('deploys and odd requests are refused as the table has it', async (t) => {
  const good = { name: 'refused', file: buildTar(index(CODE)).toString('base64') };
  const broken = (entry: TarEntry) => ({ ...good, file: buildTar(index(CODE), entry).toString('base64') });
  const rows: [path: string, init: { method: string; body?: string }, message: string, info?: RegExp][] = [
    ['/functions', { method: 'POST' }, UNREADABLE],
    ['/functions/', { method: 'POST', body: '{' }, UNREADABLE],
    ['/functions', { method: 'POST', body: '[]' }, UNREADABLE],
    ...(
      [
        [{ file: good.file }, /"name" is missing/],
        [{ name: 'refused' }, /"file" is missing/],
        [{ ...good, name: '../x' }, /cannot be used/],
        [{ ...good, file: '*' }, /not base64/],
        [{ ...good, file: '' }, /not a whole zip archive/],
        [
          { ...good, file: Buffer.from('x'.repeat(600)).toString('base64') },
          /not a zip archive. Upload a .zip, .tar or .tar.gz/,
        ],
        [{ ...good, file: Buffer.alloc(1024 * 1024 + 1).toString('base64') }, /larger than 1048576 bytes/],
        [broken({ name: '../evil' }), /has "\.\."/],
        [broken({ name: 'l', type: '2', link: '/etc/passwd' }), /symbolic link/],
        [
          broken({ name: 'fn.yaml', content: 'language: python' }),
          /language "python"; this server runs "node" only/,
        ],
        [{ ...good, file: buildTar(index('not JavaScript')).toString('base64') }, /does not load/],
        [{ ...good, file: buildTar({ name: 'server.js' }).toString('base64') }, /no files/],
      ] as const
    ).map(([body, info]): (typeof rows)[number] => [
      '/functions',
      { method: 'POST', body: JSON.stringify(body) },
      FAILED,
      info,
    ]),
    ['/functions/nope', { method: 'POST', body: '{}' }, 'Function not found!'],
    ['/functions/nope', { method: 'GET' }, 'This path answers POST only.'],
    ['/functions', { method: 'DELETE' }, 'This path answers GET, HEAD, POST only.'],
    ['/ping', { method: 'POST' }, 'This path answers GET, HEAD only.'],
  ];
  for (const [path, init, message, info] of rows) {
    const answer = await server().request(path, init);
    t.is(answer.status, 400, answer.text);
    t.is(answer.headers.get('content-type'), 'application/json; charset=utf-8');
    t.truthy(answer.headers.get('x-request-id'));
    t.is(answer.json.message, message);
    if (info === undefined) t.deepEqual(Object.keys(answer.json), ['message']);
    else t.regex(answer.json.info, info);
  }
  t.is((await server().request('/info/refused')).status, 404, 'nothing of them is left');
  const { text, status } = await server().request('/ping');
  t.is(status, 200);
  t.is(text, '{"message":"pong"}\n');
});

/**
 * User code shares the process with the worker, so whatever arrives on the socket may be its doing. Each test writes bytes
 * of its own to it: the call fails with a documented code, the next one works, and the server takes no harm.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { integration } from '../helpers/integration.js';
import { eachOf, serverForFile, type Answer } from '../helpers/server-process.js';

const server = serverForFile();
const source = readFileSync(join(import.meta.dirname, '../fixtures/functions/hostile.js'), 'utf8');
const MIB = 1024 * 1024;

const deployed = new Map<string, Promise<void>>();

async function call(deed: string, name = 'hostile', fields: Record<string, unknown> = {}): Promise<Answer> {
  if (!deployed.has(name))
    deployed.set(name, server().deployed(name, source, { timeoutMs: 2_500, ...fields }));
  await deployed.get(name);
  return server().invoke(`${name}?do=${encodeURIComponent(deed)}`);
}

const memory = () => server().metric('glambdar_process_resident_memory_bytes');

async function fails(t: ExecutionContext, deed: string, status: number, code: string, message = /./) {
  const answer = await call(deed);
  t.is(answer.status, status, `${deed}: ${answer.text}`);
  t.is(answer.json.code, code, deed);
  t.regex(answer.json.error, message, deed);
}

const broken = [
  'no header',
  'a header of 4 GiB',
  'a body of 4 GiB',
  'a body over the limit',
  'a negative length',
  'bad JSON',
  'bad UTF-8',
  'a list',
  'null',
  'a deep header',
  'a deep object',
  'an unknown type',
  'no type',
  'type __proto__',
  'another id',
  'a second ready',
  'loaded in a call',
  'load-failed in a call',
  'a status of text',
  'a status of 1e400',
  'headers that are no list',
  'headers that are no pairs',
  'a log of no stream',
  'an empty log',
  'an error with a body',
  'an error of unknown kind',
  'more log than allowed',
  'junk',
];

integration('a worker that breaks the protocol is INSTANCE_CRASHED, and the next call works', async (t) => {
  await eachOf(broken, async (deed) => {
    await fails(t, deed, 502, 'INSTANCE_CRASHED', /broke the protocol/);
  });
  t.is((await call('good')).json, 'good');
});

integration('a worker that stops in the middle of a message is ended at the deadline', async (t) => {
  await eachOf(['half a length', 'half a header', 'half a body', 'a body byte by byte'], (deed) =>
    fails(t, deed, 504, 'INVOCATION_TIMEOUT'),
  );
  t.is((await call('good')).json, 'good');
});

integration('a worker that hangs up or dies in the middle of an answer is INSTANCE_CRASHED', async (t) => {
  await fails(t, 'a closed socket', 502, 'INSTANCE_CRASHED');
  await fails(t, 'an end in the middle', 502, 'INSTANCE_CRASHED', /SIGKILL/);
  t.is((await call('good')).json, 'good');
});

integration('a flood of small messages does not keep the server from its work', async (t) => {
  const flood = call('a flood of logs');
  for (let i = 0; i < 5; i += 1) {
    const healthy = await server().request('/healthz', { timeoutMs: 5_000 });
    t.is(healthy.status, 200);
  }
  t.is((await call('good')).json, 'good');
  const answer = await flood;
  t.true([502, 504].includes(answer.status), answer.text);
  const record = (await server().request(`/invocations/${answer.headers.get('x-invocation-id')}`)).json;
  t.true(record.stdout.length <= 256 * 1024);
});

integration('an answer in the worker’s place is held to the same rules', async (t) => {
  const answers = [
    ['two answers', '"first"'],
    ['an answer and no end', '"forged"'],
    ['an answer with foreign keys', '"forged"'],
    ['a large account', '"forged"'],
    ['a length of its own', '"forged"'],
  ] as const;
  await eachOf([...answers], async ([deed, text]) => {
    const answer = await call(deed);
    t.is(answer.status, 200, `${deed}: ${answer.text}`);
    t.is(answer.text, text, deed);
    t.is(answer.headers.get('content-length'), `${text.length}`);
    t.not(answer.headers.get('x-request-id'), 'forged');
  });
  await eachOf(['a status of 99', 'a split header', '5000 headers'], (deed) =>
    fails(t, deed, 502, 'BAD_RESPONSE'),
  );
});

integration('an answer too many never reaches the next call of a container that is used again', async (t) => {
  for (let i = 0; i < 3; i += 1) {
    const twice = await call('two answers', 'reused', { isolation: 'function' });
    t.is(twice.text, '"first"');
    const next = await call('good', 'reused');
    // It came in time to be noticed, or it is noticed in this call: never is it its answer.
    t.true(next.text === '"good"' || next.json.code === 'INSTANCE_CRASHED', next.text);
  }
  t.is((await server().request('/del/reused', { method: 'DELETE' })).status, 200);
});

integration('the slot cannot be connected to, replaced or written to', async (t) => {
  const answer = await call('the slot');
  t.is(answer.status, 200, answer.text);
  const { connect, unlink, ...tried } = answer.json;
  t.is(connect, 'ENOENT');
  t.regex(unlink, /^(EROFS|ENOENT)$/);
  t.is(Object.keys(tried).length, 9);
  for (const [what, result] of Object.entries(tried)) t.regex(String(result), /^(EROFS|EACCES)$/, what);
});

integration(
  'code that forges messages while it is loaded is refused or ended, with a documented code',
  async (t) => {
    const forging = (message: string) =>
      `const { Socket } = require('node:net');
     const fs = require('node:fs');
     // The id of the load is in what the worker writes.
     let socket; let id;
     const write = Socket.prototype.write;
     Socket.prototype.write = function (bytes, ...rest) {
       if (this.remoteFamily === undefined && (Buffer.isBuffer(bytes) || typeof bytes === 'string')) {
         socket = this;
         id = /"id":"([^"]+)"/.exec(bytes.toString('latin1'))?.[1] ?? id;
       }
       return write.call(this, bytes, ...rest);
     };
     console.log('x');
     const frame = (header) => {
       const json = Buffer.from(JSON.stringify(header));
       const bytes = Buffer.alloc(8 + json.length);
       bytes.writeUInt32BE(json.length, 0);
       json.copy(bytes, 8);
       write.call(socket, bytes);
     };
     ${message}
     exports.handler = () => ({ body: 'ok' });`;
    const cases: [string, string, RegExp][] = [
      ['junk', 'frame("junk");', /broke the protocol/],
      [
        'a response',
        'frame({ type: "response", id, statusCode: 200, headers: [], cut: { stdout: 0, stderr: 0 }, peakMemoryKb: 1 });',
        /broke the protocol/,
      ],
      [
        'its own failure',
        'frame({ type: "load-failed", id, error: { name: "Error", message: "forged", stack: "" } }); for (;;);',
        /forged/,
      ],
    ];
    for (const [what, message, error] of cases) {
      const answer = await server().deploy('forging', { 'index.js': forging(message) });
      t.is(answer.status, 422, `${what}: ${answer.text}`);
      t.is(answer.json.code, 'LOAD_FAILED');
      t.regex(answer.json.error, error, what);
    }
    // It says that it is loaded before it is; what comes after is one message too many.
    const early = await server().deploy('forging', { 'index.js': forging('frame({ type: "loaded", id });') });
    t.true([201, 422].includes(early.status), early.text);
    if (early.status === 201) {
      const answer = await server().invoke('forging');
      t.true([200, 502].includes(answer.status), answer.text);
    }
  },
);

integration('the server’s memory stays flat over hostile calls', async (t) => {
  await call('junk');
  const before = await memory();
  const deeds = ['a body of 4 GiB', 'a deep header', 'half a body', 'junk', 'more log than allowed'];
  await eachOf(
    Array.from({ length: 50 }, (_, i) => deeds[i % deeds.length]!),
    async (deed) => {
      const { status } = await call(deed, 'brief', { timeoutMs: 1_000 });
      t.true(status === 502 || status === 504);
    },
  );
  const grownMiB = ((await memory()) - before) / MIB;
  t.log(`${grownMiB.toFixed(1)} MiB more`);
  t.true(grownMiB < 60, `${grownMiB} MiB`);
  await server().assertIdle();
});

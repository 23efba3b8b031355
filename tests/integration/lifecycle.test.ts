/** How the server starts, refuses to start, stops and starts again: real processes, real containers. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { compileServer } from '../helpers/compiled-server.js';
import { integration, integrationEnabled } from '../helpers/integration.js';
import { refusedStart } from '../helpers/refused-start.js';
import { ServerProcess, until, type Answer } from '../helpers/server-process.js';
import { strays } from '../helpers/strays.js';

let compiled: ReturnType<typeof compileServer> | undefined;
if (integrationEnabled) {
  test.before('the server is compiled, because it is started many times', () => {
    compiled = compileServer();
  });
  test.after.always('the compiled server is removed', () => compiled?.remove());
}

async function setUp(t: ExecutionContext, env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await ServerProcess.start({ entry: compiled!.entry, env });
  t.teardown(() => server.destroy());
  return server;
}

const quick = `exports.handler = () => ({ body: 'quick' });`;
/** Sleeps as long as the body says. */
const sleepy = `exports.handler = async (req) => {
  await new Promise((resolve) => setTimeout(resolve, Number(req.body)));
  return { body: 'slept' };
};`;

/** Calls of a function that sleeps, and that all have a container by the time this resolves. */
async function sleepers(
  server: ServerProcess,
  count: number,
  ms: number,
): Promise<Promise<Answer | Error>[]> {
  const calls = Array.from({ length: count }, () =>
    server.invoke('sleepy', { body: `${ms}` }).catch((error: unknown) => error as Error),
  );
  await until(
    'the calls run',
    async () => (await server.metric('glambdar_instances{state="busy"}')) === count,
    25_000,
  );
  return calls;
}

async function signalled(server: ServerProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const before = server.stderr.length;
  process.kill(server.pid, signal);
  await until('it has begun to stop', () => server.stderr.includes('"msg":"stopping', before), 10_000);
}

async function assertGone(t: ExecutionContext, server: ServerProcess): Promise<void> {
  t.deepEqual(await server.containers(), []);
  t.deepEqual([...server.slots(), ...server.trees()], []);
  t.deepEqual(readdirSync(join(server.dir, 'tmp')), []);
}

integration('SIGTERM lets running calls finish, refuses new ones, and leaves no container', async (t) => {
  const server = await setUp(t);
  await server.deployed('sleepy', sleepy);
  await server.deployed('quick', quick);
  const running = await sleepers(server, 4, 2_500);
  let signal = false;
  let stopping = false;
  let served = 0;
  const refusals: string[] = [];
  const client = async (): Promise<void> => {
    while (server.running) {
      const [atRest, late] = [!signal, stopping];
      const answer = await server.invoke('quick').catch(() => null);
      if (answer?.status === 200) {
        t.false(late, 'let in after the signal');
        served += 1;
      } else if (answer === null) {
        t.false(atRest && !signal, 'cut while nothing was the matter');
        refusals.push('no connection');
        await until('the rest', () => true); // a turn of the loop
      } else {
        t.is(answer.status, 503, answer.text);
        t.is(answer.json.code, 'STOPPING');
        t.is(answer.headers.get('connection'), 'close');
        t.regex(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
        refusals.push('503');
      }
    }
  };
  const clients = [client(), client()];
  await until('the load is on', () => served > 2);
  signal = true;
  await signalled(server);
  stopping = true;
  t.is(await server.exited(), 0);
  for (const call of running) t.is(((await call) as Answer).text, '"slept"');
  await Promise.all(clients);
  t.log(`served ${served}, refused ${refusals.length}`);
  t.true(refusals.length > 0);
  await assertGone(t, server);
});

integration('a second SIGTERM ends the server at once, with a code that is not 0', async (t) => {
  const server = await setUp(t);
  await server.deployed('sleepy', sleepy);
  const [call] = await sleepers(server, 1, 25_000);
  await signalled(server);
  const at = performance.now();
  // One signal may be delivered twice, so one that follows within 200 ms is not taken for another.
  await until('it ends', () => {
    if (performance.now() - at > 300 && server.running) process.kill(server.pid, 'SIGTERM');
    return !server.running;
  });
  t.is(await server.exited(), 1);
  const tookMs = performance.now() - at;
  t.log(`ended ${Math.round(tookMs)} ms after the first signal`);
  t.true(tookMs < 3_000, `took ${tookMs} ms`);
  t.like(((await call) as Answer).json, { code: 'STOPPING' });
  await assertGone(t, server);
});

integration(
  'a call longer than GLAMBDAR_SHUTDOWN_MS is refused, on record as such, and nothing of it stays',
  async (t) => {
    const server = await setUp(t, { GLAMBDAR_SHUTDOWN_MS: '1000' });
    await server.deployed('sleepy', sleepy);
    const [call] = await sleepers(server, 1, 25_000);
    const at = performance.now();
    await signalled(server, 'SIGINT');
    t.is(await server.exited(), 0);
    const tookMs = performance.now() - at;
    t.log(`ended after ${Math.round(tookMs)} ms`);
    t.true(tookMs >= 950 && tookMs < 6_000, `took ${tookMs} ms`);
    t.like(((await call) as Answer).json, { code: 'STOPPING' });
    t.is(((await call) as Answer).status, 503);
    await server.restart();
    const [record] = (await server.request('/logs/sleepy')).json;
    t.like(record, { status: 503, outcome: 'platform_error', error: { code: 'STOPPING' } });
    t.is(await server.stop(), 0);
    await assertGone(t, server);
  },
);

integration(
  'the first line names the URL, and a restart serves what was deployed, with its records',
  async (t) => {
    const server = await setUp(t);
    t.regex(server.stdout, /^Glambdar is ready at http:\/\/127\.0\.0\.1:\d+\n$/);
    t.notRegex(server.stderr, /ready/, 'said once');
    await server.deployed('kept', `exports.handler = () => ({ body: process.env.WORD });`, {
      env: { WORD: 'kept' },
      memoryMb: '96',
    });
    t.is((await server.invoke('kept')).json, 'kept');
    const before = (await server.request('/info/kept')).json;
    const id = (await server.invoke('kept')).headers.get('x-invocation-id');
    t.is(await server.stop('SIGHUP'), 0);
    await server.restart();
    const after = (await server.request('/info/kept')).json;
    t.deepEqual(
      { ...after, invokeCount: 1, lastInvokedAt: null },
      { ...before, invokeCount: 1, lastInvokedAt: null },
    );
    t.is(after.invokeCount, 2);
    t.is((await server.invoke('kept')).json, 'kept');
    t.like((await server.request(`/invocations/${id}`)).json, { funcName: 'kept', status: 200 });
    await server.assertIdle();
    t.deepEqual(await strays(server), []);
  },
);

integration('a second server on the same directory says so and ends; the first goes on', async (t) => {
  const server = await setUp(t);
  const sentence = await refusedStart(t, compiled!.entry, { GLAMBDAR_DIR: server.dir });
  t.regex(sentence, /another Glambdar server is using/);
  t.is((await server.request('/readyz')).status, 200);
  await server.kill();
  await server.restart(); // a kill leaves no lock
});

integration('a wrong setting ends the start with a sentence that names the variable', async (t) => {
  const wrong: [string, string][] = [
    ['GLAMBDAR_PORT', 'abc'],
    ['GLAMBDAR_PORT', '70000'],
    ['GLAMBDAR_FOO', '1'],
    ['GLAMBDAR_MAX_QUEUE', '-1'],
    ['GLAMBDAR_LOG_LEVEL', 'loud'],
    ['GLAMBDAR_HOST', 'a b'],
    ['GLAMBDAR_PUBLIC_URL', 'ftp://x'],
    ['GLAMBDAR_TRUSTED_PROXIES', 'localhost'],
    ['DOCKER_HOST', 'ssh://x'],
    ['GLAMBDAR_DIR', '/proc/version'],
  ];
  for (const [name, value] of wrong) {
    t.true((await refusedStart(t, compiled!.entry, { [name]: value })).includes(name), `${name}=${value}`);
  }
  const taken = createServer().listen(0, '127.0.0.1');
  t.teardown(() => taken.close());
  await until('it listens', () => taken.listening);
  const { port } = taken.address() as AddressInfo;
  t.regex(await refusedStart(t, compiled!.entry, { GLAMBDAR_PORT: `${port}` }), /GLAMBDAR_PORT/);
  // Whichever listener comes second, the first one is closed again: the process ends.
  for (const [name, other] of [
    ['GLAMBDAR_PORT', 'GLAMBDAR_FUNCTIONS_PORT'],
    ['GLAMBDAR_FUNCTIONS_PORT', 'GLAMBDAR_PORT'],
  ] as const) {
    const sentence = await refusedStart(t, compiled!.entry, { [other]: '0', [name]: `${port}` });
    t.regex(sentence, new RegExp(`${port}: another program uses this port\\. Stop it, or set ${name} `));
    // Commands speak to the control API alone.
    t.is(sentence.includes('GLAMBDAR_URL=http://127.0.0.1:PORT'), name === 'GLAMBDAR_PORT');
  }
  const noAddress = await refusedStart(t, compiled!.entry, {
    GLAMBDAR_HOST: '192.0.2.1',
    GLAMBDAR_AUTH: 'on',
  });
  t.regex(noAddress, /GLAMBDAR_HOST/);
  const noRuntime = await refusedStart(t, compiled!.entry, { GLAMBDAR_RUNTIME: 'nothere' });
  t.regex(noRuntime, /GLAMBDAR_RUNTIME|nothere/);
});

integration(
  "a copied directory gets an id of its own and leaves the original's containers alone",
  async (t) => {
    const server = await setUp(t);
    const copy = await setUp(t);
    await copy.stop();
    await server.deployed('warm', quick, { isolation: 'function' });
    t.is((await server.invoke('warm')).status, 200);
    await server.assertIdle();
    const before = (await server.containers()).map(({ Id }) => Id);
    t.true(before.length > 0);
    execFileSync('sh', ['-c', 'rm -rf "$2"/* && cp -a "$1"/. "$2"', 'sh', server.dir, copy.dir]);
    t.is(copy.dirId, server.dirId, 'copied with everything else');
    await copy.restart();
    t.not(copy.dirId, server.dirId);
    const after = (await server.containers()).map(({ Id }) => Id);
    t.true(before.every((id) => after.includes(id)));
    t.is((await server.invoke('warm')).headers.get('server-timing')?.includes('desc="warm"'), true);
    t.is((await copy.invoke('warm')).text, '"quick"');
    await server.request('/del/warm', { method: 'DELETE' });
    t.is((await copy.invoke('warm')).text, '"quick"');
  },
);

integration(
  'code that was altered or lost on disk is refused; other functions serve, and a deploy heals',
  async (t) => {
    const server = await setUp(t);
    for (const name of ['altered', 'lost', 'sound']) await server.deployed(name, quick);
    await server.stop();
    const file = join(server.dir, 'functions/altered/1/index.js');
    const code = readFileSync(file);
    code[code.length - 6]! ^= 1;
    writeFileSync(file, code);
    rmSync(join(server.dir, 'functions/lost/1'), { recursive: true });
    await server.restart();
    for (const name of ['altered', 'lost']) {
      const answer = await server.invoke(name);
      t.is(answer.status, 503, answer.text);
      t.is(answer.json.code, 'CODE_UNAVAILABLE');
      t.false(answer.text.includes(server.dir));
    }
    t.is((await server.invoke('sound')).text, '"quick"');
    for (const name of ['altered', 'lost']) {
      await server.deployed(name, quick);
      t.is((await server.invoke(name)).text, '"quick"');
    }
    t.is((await server.request('/del/lost', { method: 'DELETE' })).status, 200);
    await server.assertIdle();
  },
);

integration('code edited in place while its function serves is not loaded, and a deploy heals', async (t) => {
  const server = await setUp(t);
  await server.deployed('edited', quick);
  t.is((await server.invoke('edited')).text, '"quick"');
  await server.assertIdle();
  writeFileSync(join(server.dir, 'functions/edited/1/index.js'), quick.replace('quick', 'EDITED'));
  let refused = 0;
  await until('what was loaded before the edit is used up', async () => {
    const answer = await server.invoke('edited');
    if (answer.status === 200) t.is(answer.text, '"quick"');
    else {
      t.is(answer.json.code, 'CODE_UNAVAILABLE');
      refused += 1;
    }
    return refused === 5;
  });
  await server.deployed('edited', quick.replace('quick', 'healed'));
  t.is((await server.invoke('edited')).text, '"healed"');
});

integration(
  'code is kept, and nothing older served, when glambdar.db is lost and a newest record garbled',
  async (t) => {
    const server = await setUp(t);
    await server.deployed('one', quick);
    await server.deployed('two', quick, { env: { OLD: '1' } });
    await server.deployed('two', quick.replace('quick', 'newer'));
    await server.stop();
    rmSync(join(server.dir, 'glambdar.db'));
    writeFileSync(join(server.dir, 'functions/two/2.json'), '{');
    for (let start = 1; start <= 2; start += 1) {
      await server.restart();
      t.is((await server.invoke('one')).text, '"quick"');
      t.is((await server.invoke('two')).json.code, 'FUNCTION_NOT_FOUND');
      t.regex(readFileSync(join(server.dir, 'functions/two/2/index.js'), 'utf8'), /newer/, `start ${start}`);
      t.regex(server.stderr, /knows nothing of is kept/);
      await server.stop();
    }
    t.regex(server.stderr, /newest version there cannot be read: two/);
    await server.restart();
    await server.deployed('two', quick);
    t.is((await server.request('/info/two')).json.version, 3);
  },
);

integration('a damaged glambdar.db is rebuilt from the folders, or refused with one sentence', async (t) => {
  const server = await setUp(t);
  await server.deployed('one', quick, { env: { SECRET: 'x' } });
  await server.deployed('two', quick);
  await server.deployed('two', quick);
  const file = join(server.dir, 'glambdar.db');
  const damages: Record<string, () => void> = {
    zeros: () => {
      const descriptor = openSync(file, 'r+');
      writeSync(descriptor, Buffer.alloc(4096), 0, 4096, 4096);
      closeSync(descriptor);
    },
    truncated: () => truncateSync(file, 1_000),
    garbage: () => writeFileSync(file, 'not a database at all\n'.repeat(500)),
    missing: () => rmSync(file),
  };
  for (const [damage, inflict] of Object.entries(damages)) {
    await server.stop();
    inflict();
    await server.restart();
    t.regex(server.stderr, /glambdar\.db was (damaged|missing)[^"]*2 functions were restored/, damage);
    const { functions } = (await server.request('/info')).json;
    t.deepEqual(
      functions.map(({ name, version }: { name: string; version: number }) => `${name}@${version}`),
      ['one@1', 'two@2'],
      damage,
    );
    t.is((await server.invoke('one')).text, '"quick"', damage);
    t.is((await server.invoke('two')).text, '"quick"', damage);
  }
  await server.stop();
  const newer = Buffer.from(readFileSync(file));
  newer.writeUInt32BE(9_999, 60); // user_version, as a later release would leave it
  writeFileSync(file, newer);
  t.regex(await refusedStart(t, compiled!.entry, { GLAMBDAR_DIR: server.dir }), /newer/);
});

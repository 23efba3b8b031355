/** Instances ready ahead of calls, on real Docker: used once, replaced, bounded, and gone after a crash. */
import test, { type ExecutionContext } from 'ava';
import { compileServer } from '../helpers/compiled-server.js';
import { integration, integrationEnabled } from '../helpers/integration.js';
import { eachOf, ServerProcess, until, type Answer } from '../helpers/server-process.js';

let compiled: ReturnType<typeof compileServer> | undefined;

if (integrationEnabled) {
  test.before('the server is compiled', () => void (compiled = compileServer()));
  test.after.always('the compiled server is removed', () => compiled?.remove());
}

async function setUp(t: ExecutionContext, env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await ServerProcess.start({ entry: compiled!.entry, env });
  t.teardown(() => server.destroy());
  return server;
}

/** How the call found its instance, as its answer tells. */
function startOf(answer: Answer): string {
  return /start;dur=[\d.]+;desc="(\w+)"/.exec(answer.headers.get('server-timing') ?? '')?.[1] ?? '';
}

async function instances(server: ServerProcess, state: string): Promise<number> {
  return server.metric(`glambdar_instances{state="${state}"}`);
}

async function untilReady(server: ServerProcess, state: string, count: number): Promise<void> {
  await until(`${count} are ${state}`, async () => (await instances(server, state)) >= count, 30_000);
}

integration('standbys are there after a start, and a first call takes one that is replaced', async (t) => {
  const server = await setUp(t, { GLAMBDAR_STANDBY: '2' });
  await untilReady(server, 'standby', 2);
  await server.deployed('first', `exports.handler = () => ({ body: 'first' });`, { standby: 0 });
  // The container in which the deploy tried the code goes: none was asked for.
  await until('none is loaded', async () => (await instances(server, 'loaded')) === 0);
  await server.assertIdle();
  t.true(server.trees().length > 0, 'its code is prepared');
  const answer = await server.invoke('first');
  t.is(answer.text, '"first"');
  t.is(startOf(answer), 'standby');
  await server.assertIdle();
  await untilReady(server, 'standby', 2);
});

integration('a deploy leaves one loaded instance, whose first words are in the first record', async (t) => {
  const server = await setUp(t);
  await server.deployed('words', `console.log('loaded'); exports.handler = () => ({ body: 1 });`);
  await server.assertIdle();
  const answer = await server.invoke('words');
  t.is(startOf(answer), 'loaded');
  const id = answer.headers.get('x-invocation-id');
  await until('its record is there', async () => (await server.request(`/invocations/${id}`)).status === 200);
  t.like((await server.request(`/invocations/${id}`)).json, {
    start: 'loaded',
    loadMs: 0,
    stdout: 'loaded\n',
  });
});

integration('500 calls of a hot pool never see what another call has left', async (t) => {
  const server = await setUp(t, { GLAMBDAR_STANDBY: '4' });
  const source = `
    const fs = require('node:fs');
    globalThis.calls ??= 0;
    exports.handler = async (req) => {
      globalThis.calls += 1;
      const before = fs.readdirSync('/tmp');
      fs.writeFileSync('/tmp/marker-' + req.id, req.id);
      process.env.MARKER = (process.env.MARKER ?? '') + 'x';
      return { body: { calls: globalThis.calls, before, marker: process.env.MARKER, uid: process.getuid() } };
    };`;
  for (const name of ['one', 'two']) await server.deployed(name, source, { standby: 6 });
  await server.assertIdle();
  const starts = new Map<string, number>();
  const work = async (index: number): Promise<void> => {
    const answer = await server.invoke(index % 3 === 0 ? 'two' : 'one');
    t.is(answer.status, 200, answer.text);
    t.like(answer.json, { calls: 1, before: [], marker: 'x' });
    const start = startOf(answer);
    starts.set(start, (starts.get(start) ?? 0) + 1);
  };
  await eachOf([...Array(500).keys()], work, 8);
  t.log(`starts: ${JSON.stringify(Object.fromEntries(starts))}`);
  t.is(starts.get('warm'), undefined);
  t.true((starts.get('loaded') ?? 0) > 0 && starts.size > 1, 'the pool was hot, and was emptied');
  await server.assertIdle();
});

integration('redeploys under load mix no versions within a call, and fail none', async (t) => {
  const server = await setUp(t);
  const files = (version: number) => ({
    'index.js': `const part = require('./part.js');
      exports.handler = async (req) => {
        const late = require('node:fs').readFileSync(__dirname + '/text.txt', 'utf8');
        const lazy = require('./lazy.js');
        return { body: [${version}, part, Number(late), lazy, Number(process.env.VERSION)] };
      };`,
    'part.js': `module.exports = ${version};`,
    'lazy.js': `module.exports = ${version};`,
    'text.txt': `${version}`,
  });
  const deploy = async (version: number): Promise<void> => {
    const answer = await server.deploy('mixed', files(version), { env: { VERSION: String(version) } });
    t.is(answer.status, 201, answer.text);
  };
  await deploy(1);
  let active = 1;
  let over = false;
  let calls = 0;
  const clients = Array.from({ length: 6 }, async () => {
    while (!over) {
      const least = active;
      const answer = await server.invoke('mixed');
      t.is(answer.status, 200, answer.text);
      const versions = answer.json as number[];
      t.is(new Set(versions).size, 1, `one version in ${answer.text}`);
      t.true(versions[0]! >= least, `a call after the 201 of ${least} ran ${versions[0]}`);
      calls += 1;
    }
  });
  for (let version = 2; version <= 7; version += 1) {
    await deploy(version);
    active = version;
    await until('some calls have run on it', () => calls > version * 5, 30_000);
  }
  over = true;
  await Promise.all(clients);
  t.log(`${calls} calls over 7 versions`);
  await server.assertIdle();
});

integration('idle instances stay within the memory budget and all within the limit', async (t) => {
  const budgetMb = 70;
  const server = await setUp(t, {
    GLAMBDAR_STANDBY: '2',
    GLAMBDAR_MEMORY_BUDGET_MB: String(budgetMb),
    GLAMBDAR_MAX_INSTANCES: '6',
  });
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const name of names)
    await server.deployed(
      name,
      `globalThis.ballast = Buffer.alloc(8e6, 1); exports.handler = () => ({ body: 1 });`,
    );
  let most = 0;
  let over = false;
  const watch = (async () => {
    while (!over) most = Math.max(most, (await server.containers()).length);
  })();
  for (let round = 0; round < 2; round += 1)
    await eachOf(names, async (name) => t.is((await server.invoke(name)).status, 200), 3);
  over = true;
  await watch;
  t.true(most <= 6, `${most} containers at once`);
  await until(
    'it is measured and fits',
    async () => {
      const bytes = await server.metric('glambdar_idle_memory_bytes');
      return bytes > 0 && bytes <= budgetMb * 1024 * 1024;
    },
    30_000,
  );
  await server.assertIdle();
  const idle = (await server.containers()).length;
  t.log(`${idle} idle containers in ${budgetMb} MB`);
  t.true(idle >= 1 && idle < names.length + 2);
});

integration('an idle instance that computes without a call is stopped', async (t) => {
  const server = await setUp(t, { GLAMBDAR_STANDBY: '0' });
  await server.deployed(
    'busybody',
    `setInterval(() => { const end = Date.now() + 50; while (Date.now() < end); }, 60); exports.handler = () => ({ body: 1 });`,
  );
  await untilReady(server, 'loaded', 1);
  await until('it is gone', async () => (await instances(server, 'loaded')) === 0, 15_000);
  t.is((await server.invoke('busybody')).status, 200, 'calls run all the same');
});

integration('kill -9 of a server with a hot pool, and its restart, leaves nothing of before', async (t) => {
  const server = await setUp(t, { GLAMBDAR_STANDBY: '3' });
  await server.deployed('hot', `exports.handler = () => ({ body: 'hot' });`, { standby: 3 });
  await untilReady(server, 'loaded', 3);
  const calls = Array.from({ length: 6 }, () => server.invoke('hot').catch(() => null));
  await calls[0];
  const before = (await server.containers()).map(({ Id }) => Id);
  t.true(before.length >= 3);
  await server.kill();
  await Promise.all(calls);
  await server.restart();
  t.is((await server.invoke('hot')).text, '"hot"');
  await until(
    'the containers of before are gone',
    async () => (await server.containers()).every(({ Id }) => !before.includes(Id)),
    40_000,
  );
  await server.assertIdle();
  await untilReady(server, 'loaded', 3);
});

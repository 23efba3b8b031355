/**
 * The server is killed at every named point and at random ones, and started again. An acknowledged deploy or
 * delete holds; one that was not acknowledged happened wholly or not at all; nothing stays behind.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { compileServer } from '../helpers/compiled-server.js';
import { integration, integrationEnabled } from '../helpers/integration.js';
import { NpmRegistry } from '../helpers/npm-registry.js';
import { ServerProcess, until, type Answer } from '../helpers/server-process.js';
import { strays } from '../helpers/strays.js';

const source = (tag: string): string => `exports.handler = () => ({ body: ${JSON.stringify(tag)} });`;

/** In the order in which a deploy passes them. */
const deployPoints = [
  'upload.begun',
  'deploy.staged',
  'bundle.checked',
  'bundle.half',
  'bundle.written',
  'deploy.extracted',
  'deploy.loaded',
  'deploy.recorded',
  'deploy.renamed',
  'deploy.committed',
];
/** Of a deploy whose packages are installed. */
const installPoints = ['install.started', 'install.staged', 'install.renamed'];
/** Tried in secrets.test.ts. */
const rollbackPoints = ['rollback.loaded', 'rollback.committed'];
const deletePoints = ['delete.begun', 'delete.committed', 'delete.removed'];
const callPoints = [
  'instance.slot',
  'container.created',
  'container.started',
  'instance.ready',
  'instance.loaded',
  'invoke.sent',
  'invoke.answered',
  'instance.removing',
];

let compiled: ReturnType<typeof compileServer> | undefined;
if (integrationEnabled) {
  test.before('the server is compiled, because it is started some fifty times', () => {
    compiled = compileServer();
  });
  test.after.always('the compiled server is removed', () => compiled?.remove());
}

/** @param env for the first start alone */
async function setUp(t: ExecutionContext, env: Record<string, string> = {}): Promise<ServerProcess> {
  // Nothing is kept ready: what is there after a crash is of the crash.
  const cold = { GLAMBDAR_STANDBY: '0', GLAMBDAR_MEMORY_BUDGET_MB: '0' };
  const server = await ServerProcess.start({ entry: compiled!.entry, env: cold });
  if (Object.keys(env).length > 0) await server.restart(env);
  t.teardown(() => server.destroy());
  return server;
}

/** The answer, or null when the connection was cut. Whatever came is complete: its length was announced. */
async function cutOr(request: Promise<Answer>): Promise<Answer | null> {
  return request.catch((error: unknown) => {
    if ((error as Error).name === 'TimeoutError') throw error;
    return null;
  });
}

/** Sends what must run into the armed point. */
async function dies(
  t: ExecutionContext,
  server: ServerProcess,
  request: Promise<Answer>,
): Promise<Answer | null> {
  const answer = await cutOr(request);
  t.is(await server.exited(), null, 'killed by its own hand');
  return answer;
}

/** Right after a start: staging, slots and unknown code are gone already, containers as soon as the daemon has let go of them. */
async function assertClean(t: ExecutionContext, server: ServerProcess, after: string): Promise<void> {
  t.deepEqual(await strays(server), [], after);
  // A create that was under way at the kill may come after the sweep at start; the next sweep is 30 s later.
  await until(
    `no container is left after ${after}`,
    async () => (await server.containers()).length === 0,
    40_000,
  );
}

/** What the function answers, null when there is none; anything else fails the test. */
async function tagOf(t: ExecutionContext, server: ServerProcess, name: string): Promise<string | null> {
  const answer = await server.invoke(name);
  const listed = (await server.request(`/info/${name}`)).status;
  if (answer.status === 404) {
    t.is(answer.json.code, 'FUNCTION_NOT_FOUND');
    t.is(listed, 404);
    return null;
  }
  t.is(answer.status, 200, answer.text);
  t.is(listed, 200);
  return answer.json as string;
}

integration('the points of this file are all there are', (t) => {
  const root = join(import.meta.dirname, '../../src');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const named = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/faultPoint\('([^']+)'\)/g)].map(
      ([, point]) => point,
    ),
  );
  t.deepEqual(
    [...new Set(named)].sort(),
    [...deployPoints, ...installPoints, ...deletePoints, ...rollbackPoints, ...callPoints].sort(),
  );
});

integration(
  'a kill at any point of a deploy, a redeploy, an install, a delete or a call leaves all of it or nothing',
  async (t) => {
    t.timeout(180_000);
    await Promise.all([firstDeploys(t), redeploys(t), installs(t), deletesAndCalls(t)]);
  },
);

/** One start is the recovery from one kill and armed for the next; no check passes a point of a deploy. */
async function firstDeploys(t: ExecutionContext): Promise<void> {
  const server = await setUp(t, { GLAMBDAR_FAULT: deployPoints[0]! });
  for (const [index, point] of deployPoints.entries()) {
    const name = `first-${index}`;
    const request = server.deploy(name, { 'index.js': source(point), 'lib/a.js': '' });
    t.is(await dies(t, server, request), null, point);
    await server.restart({ GLAMBDAR_FAULT: deployPoints[index + 1] ?? '' });
    await assertClean(t, server, point);
    t.is(await tagOf(t, server, name), point === 'deploy.committed' ? point : null, point);
  }
  await server.deployed('first-0', source('again'));
  t.is(await tagOf(t, server, 'first-0'), 'again');
}

async function redeploys(t: ExecutionContext): Promise<void> {
  const server = await setUp(t);
  await server.deployed('again', source('old'));
  await server.restart({ GLAMBDAR_FAULT: deployPoints[0]! });
  for (const [index, point] of deployPoints.entries()) {
    const request = server.deploy('again', { 'index.js': source(point), 'lib/a.js': '' });
    t.is(await dies(t, server, request), null, point);
    await server.restart({ GLAMBDAR_FAULT: deployPoints[index + 1] ?? '' });
    await assertClean(t, server, point);
    t.is(await tagOf(t, server, 'again'), point === 'deploy.committed' ? point : 'old', point);
  }
}

async function installs(t: ExecutionContext): Promise<void> {
  const registry = await NpmRegistry.start();
  t.teardown(() => registry.close());
  await registry.publish('wanted', { files: { 'index.js': "module.exports = 'installed';" } });
  const files = {
    'index.js': `exports.handler = () => ({ body: require('wanted') });`,
    'package.json': JSON.stringify({ dependencies: { wanted: '1' } }),
  };
  const env = { GLAMBDAR_NPM_REGISTRY: registry.url };
  const server = await setUp(t);
  await server.restart({ ...env, GLAMBDAR_FAULT: installPoints[0]! });
  for (const [index, point] of installPoints.entries()) {
    t.is(await dies(t, server, server.deploy('installs', files)), null, point);
    await server.restart({ ...env, GLAMBDAR_FAULT: installPoints[index + 1] ?? '' });
    await assertClean(t, server, point);
    t.is(await tagOf(t, server, 'installs'), null, point);
  }
  t.is((await server.deploy('installs', files)).status, 201);
  t.is(await tagOf(t, server, 'installs'), 'installed');
}

async function deletesAndCalls(t: ExecutionContext): Promise<void> {
  const server = await setUp(t);
  const names = [...deletePoints.keys()].map((index) => `goes-${index}`);
  for (const name of ['stays', ...names]) await server.deployed(name, source(name));
  await server.restart({ GLAMBDAR_FAULT: deletePoints[0]! });
  for (const [index, point] of deletePoints.entries()) {
    const name = names[index]!;
    t.is(await dies(t, server, server.request(`/del/${name}`, { method: 'DELETE' })), null, point);
    await server.restart({ GLAMBDAR_FAULT: deletePoints[index + 1] ?? '' });
    await assertClean(t, server, point);
    t.is(await tagOf(t, server, name), point === 'delete.begun' ? name : null, point);
  }
  for (const point of callPoints) {
    // Also the recovery from the kill before.
    await server.restart({ GLAMBDAR_FAULT: point });
    await assertClean(t, server, `the point before ${point}`);
    const answer = await dies(t, server, server.invoke('stays'));
    // A cut connection or the function's own answer, never a made-up one.
    if (answer !== null) t.deepEqual([answer.status, answer.json], [200, 'stays'], point);
    // These come after the answer, or beside it.
    const late = ['container.started', 'invoke.answered', 'instance.removing'].includes(point);
    if (!late) t.is(answer, null, point);
  }
  await server.restart();
  await assertClean(t, server, 'the last point');
  t.is(await tagOf(t, server, 'stays'), 'stays');
}

integration(
  'a kill in the middle of a large answer cuts it, so that nobody takes it for whole',
  async (t) => {
    const server = await setUp(t);
    await server.deployed('large', `exports.handler = () => ({ body: Buffer.alloc(5e6, 'x') });`);
    const response = await fetch(`${server.url}/invoke/large`, { signal: AbortSignal.timeout(20_000) });
    const reader = response.body!.getReader();
    t.true((await reader.read()).value!.length > 0);
    await server.kill();
    const error = await t.throwsAsync(async () => {
      while (!(await reader.read()).done);
    });
    t.not(error.name, 'TimeoutError');
    await server.restart();
    await assertClean(t, server, 'half an answer');
  },
);

/** What a function may be after a crash: what was acknowledged last, or what was asked since. */
interface Expectation {
  acknowledged: string | null;
  asked: (string | null)[];
}

integration('what was acknowledged before a kill at a random moment is there after it', async (t) => {
  t.timeout(120_000);
  const seed = Date.now() % 100_000;
  const random = randomNumbers(seed);
  const server = await setUp(t);
  const functions = new Map<string, Expectation>(
    ['a', 'b', 'c'].map((name) => [name, { acknowledged: null, asked: [] }]),
  );
  let acknowledgements = 0;
  for (let round = 1; round <= 12; round += 1) {
    let killed = false;
    const change = async (name: string, expected: Expectation): Promise<void> => {
      for (let count = 1; !killed; count += 1) {
        const tag = random() < 0.3 && expected.acknowledged !== null ? null : `${name}-${round}-${count}`;
        expected.asked.push(tag);
        const answer = await cutOr(
          tag === null
            ? server.request(`/del/${name}`, { method: 'DELETE' })
            : server.deploy(name, { 'index.js': source(tag) }),
        );
        if (answer === null) continue;
        t.is(answer.status, tag === null ? 200 : 201, answer.text);
        acknowledgements += 1;
        expected.acknowledged = tag;
        expected.asked = [];
      }
    };
    const clients = [...functions].map(([name, expected]) => change(name, expected));
    // The random moment, counted in what the server has done by then, however busy the machine is.
    const enough = acknowledgements + Math.floor(random() * 5);
    await until('some changes are acknowledged', () => acknowledgements >= enough, 30_000);
    await sleep(random() * 300);
    killed = true;
    await server.kill();
    await Promise.all(clients);
    await server.restart();
    const after = `seed ${seed}, round ${round}`;
    await assertClean(t, server, after);
    for (const [name, expected] of functions) {
      const tag = await tagOf(t, server, name);
      t.true(
        tag === expected.acknowledged || expected.asked.includes(tag),
        `${after}: ${name} is ${tag}; acknowledged ${expected.acknowledged}, asked ${expected.asked.join()}`,
      );
      functions.set(name, { acknowledged: tag, asked: [] });
    }
  }
  t.log(`${acknowledgements} acknowledged changes, 12 kills`);
  t.true(acknowledgements > 12);
});

/** A small generator whose sequence can be had again (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The server on a daemon of the test's own that is stopped, frozen, killed and robbed of its image. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { ensureNodeImage } from '../../src/driver/docker/image/node-image.js';
import { Engine } from '../../src/driver/docker/engine/engine.js';
import { compileServer } from '../helpers/compiled-server.js';
import { integration, integrationEnabled } from '../helpers/integration.js';
import { PrivateDaemon } from '../helpers/private-daemon.js';
import { refusedStart } from '../helpers/refused-start.js';
import { ServerProcess, until, type Answer } from '../helpers/server-process.js';

let compiled: ReturnType<typeof compileServer>;
let daemon: PrivateDaemon;
let server: ServerProcess;
let image: string;

if (integrationEnabled) {
  test.before('a daemon with the base image, and a server on it', async (t) => {
    t.timeout(150_000);
    compiled = compileServer();
    const engine = new Engine({ socketPath: '/var/run/docker.sock' });
    image = (await ensureNodeImage(engine, { progress: (line) => t.log(line) })).reference;
    engine.close();
    daemon = await PrivateDaemon.start();
    await daemon.load(image);
    // Nothing is kept ready, so that every call needs the daemon.
    const env = { DOCKER_HOST: daemon.host, GLAMBDAR_STANDBY: '0' };
    server = await ServerProcess.start({ entry: compiled.entry, env });
    await server.deployed('quick', `exports.handler = () => ({ body: 'quick' });`, { standby: 0 });
    await server.deployed('warm', `exports.handler = () => ({ body: 'warm' });`, {
      isolation: 'function',
      standby: 0,
    });
    await server.deployed(
      'sleepy',
      `exports.handler = async (req) => {
        await new Promise((resolve) => setTimeout(resolve, Number(req.body)));
        if (req.query.exit) process.exit(3);
        return { body: 'slept' };
      };`,
      { standby: 0 },
    );
  });
  test.after.always('server and daemon leave nothing behind', async (t) => {
    t.timeout(120_000);
    try {
      await server?.destroy();
    } finally {
      await daemon?.destroy();
      compiled?.remove();
    }
  });
}

/** A call and how long its answer took. */
async function timed(request: Promise<Answer>): Promise<{ answer: Answer; tookMs: number }> {
  const begun = performance.now();
  return { answer: await request, tookMs: Math.round(performance.now() - begun) };
}

/** A clean refusal: our envelope, when to come back, and nothing of Docker or of a path. */
function unavailable(t: ExecutionContext, answer: Answer): void {
  t.is(answer.status, 503, answer.text);
  t.is(answer.json.code, 'DRIVER_UNAVAILABLE', answer.text);
  t.regex(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  t.notRegex(answer.json.error, /(^|[^\w<])\/(?!readyz)|ENOENT|ECONN|socket hang up|containerd/, answer.text);
}

/** Every answer of the server while the daemon is away comes within the limit. */
async function assertAway(t: ExecutionContext, limitMs: number): Promise<void> {
  const first = await timed(server.invoke('quick'));
  unavailable(t, first.answer);
  t.true(first.tookMs < limitMs, `the first call took ${first.tookMs} ms`);
  await until('readyz tells', async () => (await server.request('/readyz')).status === 503, 4_000);
  const ready = await server.request('/readyz');
  unavailable(t, ready);
  const next = await timed(server.invoke('quick'));
  unavailable(t, next.answer);
  t.true(next.tookMs < 500, `a later call took ${next.tookMs} ms`);
  t.is((await server.request('/healthz')).status, 200);
  t.is((await server.request('/info')).status, 200);
  const deploy = await timed(server.deploy('quick', { 'index.js': '' }));
  unavailable(t, deploy.answer);
  t.log(
    `first call ${first.tookMs} ms, later ${next.tookMs} ms, deploy ${deploy.tookMs} ms; ${ready.json.error}`,
  );
}

/** The service is back within 5 s, by itself, and what the outage left is gone. */
async function assertBack(t: ExecutionContext): Promise<void> {
  const begun = performance.now();
  await until('a call is answered', async () => (await server.invoke('quick')).status === 200, 15_000);
  const tookMs = Math.round(performance.now() - begun);
  t.log(`answers again ${tookMs} ms after the daemon did`);
  t.true(tookMs < 5_000, `back after ${tookMs} ms`);
  t.is((await server.request('/readyz')).status, 200);
  await until('ghosts and orphans are gone', async () => (await ours()).length === 0, 40_000);
  await until('slots are gone', () => server.slots().length === 0, 20_000);
}

async function ours(): Promise<string[]> {
  const containers = await daemon.docker.listContainers({
    all: true,
    filters: { label: [`glambdar.dir=${server.dirId}`] },
  });
  return containers.map(({ Names }) => Names.join());
}

integration(
  'a stopped daemon: calls are refused within a second, and served again by themselves',
  async (t) => {
    await daemon.stop();
    await assertAway(t, 1_000);
    await daemon.restart();
    await assertBack(t);
  },
);

integration(
  'a frozen daemon: calls are refused within three seconds, and served again by themselves',
  async (t) => {
    const call = server.invoke('sleepy', { body: '6000' });
    const crash = server.invoke('sleepy?exit=1', { body: '6000' });
    const crashed = crash.then((answer) => ({ answer, at: performance.now() }));
    await until('both run', async () => (await server.metric('glambdar_instances{state="busy"}')) === 2);
    daemon.freeze();
    try {
      await assertAway(t, 3_000);
      t.is((await call).text, '"slept"', 'a call in flight needs no daemon');
      const answeredAt = performance.now();
      const { answer, at } = await crashed;
      t.is(answer.json.code, 'INSTANCE_CRASHED');
      t.log(`a crash beside it is told ${Math.round(at - answeredAt)} ms later`);
      t.true(at - answeredAt < 3_000);
      const deleted = await timed(server.request('/del/warm', { method: 'DELETE' }));
      t.is(deleted.answer.status, 200, deleted.answer.text);
    } finally {
      daemon.thaw();
    }
    await assertBack(t);
  },
);

integration(
  'a killed daemon: a call in flight is answered, the next are refused, and orphans go',
  async (t) => {
    const call = server.invoke('sleepy', { body: '4000' });
    await until('it runs', async () => (await server.metric('glambdar_instances{state="busy"}')) === 1);
    await daemon.kill();
    t.is(await Promise.race([call, Promise.resolve('still running')]), 'still running');
    await assertAway(t, 1_000);
    t.is((await call).text, '"slept"', 'the container lives on without the daemon');
    await daemon.restart();
    await assertBack(t);
  },
);

integration('many calls at the moment the daemon freezes leave no ghost', async (t) => {
  const calls = Array.from({ length: 12 }, () => server.invoke('quick'));
  await until('some start', async () => (await server.metric('glambdar_instances{state="starting"}')) > 0);
  daemon.freeze();
  try {
    for (const call of calls) {
      const answer = await call;
      if (answer.status !== 200) unavailable(t, answer);
    }
  } finally {
    daemon.thaw();
  }
  await assertBack(t);
});

integration('an image that the operator removed is made again', async (t) => {
  t.timeout(150_000);
  await promisify(execFile)('docker', ['-H', daemon.host, 'rmi', '-f', image]);
  const first = await timed(server.invoke('quick', { timeoutMs: 60_000 }));
  t.log(`the next call: ${first.answer.status} after ${first.tookMs} ms`);
  if (first.answer.status === 200) t.is(first.answer.text, '"quick"');
  else unavailable(t, first.answer);
  await until('calls work again', async () => (await server.invoke('quick')).status === 200, 90_000);
  await until('containers are gone', async () => (await ours()).length === 0, 40_000);
});

integration(
  'a server that is stopped while the daemon is frozen ends all the same; the next one cleans up',
  async (t) => {
    await server.deployed('warm', `exports.handler = () => ({ body: 'warm' });`, { isolation: 'function' });
    t.is((await server.invoke('warm')).status, 200);
    t.is((await ours()).length, 1);
    daemon.freeze();
    try {
      await until('it is noticed', async () => (await server.request('/readyz')).status === 503, 6_000);
      const begun = performance.now();
      t.is(await server.stop(), 0);
      const tookMs = Math.round(performance.now() - begun);
      t.log(`stopped after ${tookMs} ms`);
      t.true(tookMs < 5_000, `stopped after ${tookMs} ms`);
      const sentence = await refusedStart(t, compiled.entry, { DOCKER_HOST: daemon.host });
      t.regex(sentence, /Docker/);
    } finally {
      daemon.thaw();
    }
    await server.restart();
    t.deepEqual(await ours(), []);
    t.is((await server.invoke('quick')).status, 200);
  },
);

integration('what was ready on a daemon that stopped is replaced when it is back', async (t) => {
  const hot = await ServerProcess.start({
    entry: compiled.entry,
    env: { DOCKER_HOST: daemon.host, GLAMBDAR_STANDBY: '2' },
  });
  try {
    await hot.deployed('ready', `exports.handler = () => ({ body: 'ready' });`, { standby: 2 });
    const isReady = async (): Promise<boolean> =>
      (await hot.metric('glambdar_instances{state="standby"}')) === 2 &&
      (await hot.metric('glambdar_instances{state="loaded"}')) === 2;
    await until('all is ready', isReady);
    await daemon.stop();
    await until(
      'nothing is',
      async () => (await hot.metric('glambdar_instances{state="standby"}')) === 0,
      10_000,
    );
    await daemon.restart();
    await until('all is ready again', isReady, 20_000);
    t.is((await hot.invoke('ready')).text, '"ready"');
  } finally {
    await hot.destroy();
  }
});

integration('a start without a daemon ends with one sentence', async (t) => {
  const nowhere = await refusedStart(t, compiled.entry, { DOCKER_HOST: `unix://${server.dir}/nothing.sock` });
  t.regex(nowhere, /Docker is not running/);
  const refused = await refusedStart(t, compiled.entry, { DOCKER_HOST: 'tcp://127.0.0.1:1' });
  t.regex(refused, /Docker/);
});

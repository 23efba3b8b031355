/** Many calls at once, of a function that is redeployed and deleted meanwhile, and of a full server. */
import type { ExecutionContext } from 'ava';
import { CallHistory } from '../helpers/call-history.js';
import { integration } from '../helpers/integration.js';
import { serverForFile, ServerProcess, until } from '../helpers/server-process.js';
import { strays } from '../helpers/strays.js';

const server = serverForFile();

/** Calls from `clients` at once while `changes` run, then checks what came. */
async function underLoad(
  t: ExecutionContext,
  history: CallHistory,
  clients: number,
  changes: () => Promise<void>,
): Promise<void> {
  let over = false;
  const calls = Array.from({ length: clients }, () => history.call(() => over));
  const stop = (): void => void (over = true);
  await changes().finally(stop);
  await Promise.all(calls);
  t.log(`${history.changes} changes; answers: ${JSON.stringify(history.statuses())}`);
  t.deepEqual(history.violations().slice(0, 5), []);
  await history.remove();
  await server().assertIdle();
  t.deepEqual(await strays(server()), []);
}

integration(
  '200 calls at once, each in a fresh container, get the version that is active, or a 404 after a delete',
  async (t) => {
    t.timeout(150_000);
    const history = new CallHistory(server(), 'fresh');
    await history.deploy();
    await underLoad(t, history, 200, async () => {
      const end = performance.now() + 30_000;
      do {
        await history.deploy();
        await history.remove();
        await history.deploy();
      } while (performance.now() < end);
    });
    t.true(history.statuses()['200']! > 20);
  },
);

integration(
  '200 calls at once of reused containers get the version that is active, or a 404 after a delete',
  async (t) => {
    t.timeout(120_000);
    const history = new CallHistory(server(), 'reused');
    await history.deploy({ isolation: 'function' });
    await underLoad(t, history, 200, async () => {
      const end = performance.now() + 15_000;
      do {
        await history.deploy({ isolation: 'function' });
        await history.deploy();
        await history.remove();
        await history.deploy({ isolation: 'function' });
      } while (performance.now() < end);
    });
    t.true(history.statuses()['200']! > 200);
  },
);

integration('a redeploy while calls run fails none of them', async (t) => {
  const history = new CallHistory(server(), 'steady');
  await history.deploy();
  await underLoad(t, history, 8, async () => {
    for (let count = 0; count < 4; count += 1) await history.deploy();
  });
  t.deepEqual(Object.keys(history.statuses()), ['200']);
});

integration('a reused container never runs two calls at once, whatever the load', async (t) => {
  await server().deployed(
    'one-at-a-time',
    `const container = require('node:crypto').randomUUID();
    let running = 0;
    let calls = 0;
    exports.handler = async () => {
      running += 1;
      calls += 1;
      const seen = { container, running, calls };
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
      return { body: seen };
    };`,
    { isolation: 'function' },
  );
  const seen: { container: string; running: number; calls: number }[] = [];
  const client = async (): Promise<void> => {
    for (let count = 0; count < 6; count += 1) {
      const answer = await server().invoke('one-at-a-time');
      t.is(answer.status, 200, answer.text);
      seen.push(answer.json);
    }
  };
  await Promise.all(Array.from({ length: 50 }, client));
  t.true(seen.every(({ running }) => running === 1));
  t.is(
    new Set(seen.map(({ container, calls }) => `${container} ${calls}`)).size,
    300,
    'every call counted once',
  );
  const containers = new Set(seen.map(({ container }) => container)).size;
  t.log(`300 calls from 50 clients in ${containers} containers`);
  t.true(containers < 300);
  t.is((await server().request('/del/one-at-a-time', { method: 'DELETE' })).status, 200);
  await server().assertIdle();
});

integration('a full queue refuses at once, with the time after which to come back', async (t) => {
  const full = await ServerProcess.start({
    env: { GLAMBDAR_MAX_INSTANCES: '2', GLAMBDAR_MAX_STARTING: '2', GLAMBDAR_MAX_QUEUE: '2' },
  });
  t.teardown(() => full.destroy());
  await full.deployed(
    'slow',
    'exports.handler = () => new Promise((resolve) => setTimeout(resolve, 1500, { body: 1 }));',
  );
  await full.assertIdle(); // the container of the deploy's check takes a place until it is gone
  const running = Array.from({ length: 2 }, () => full.invoke('slow'));
  await until('two run', async () => (await full.metric('glambdar_instances{state="busy"}')) === 2);
  const first = [...running, ...Array.from({ length: 2 }, () => full.invoke('slow'))];
  await until('two wait', async () => (await full.metric('glambdar_queue_length')) === 2);
  const refused = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const begun = performance.now();
      const answer = await full.invoke('slow', { body: 'x'.repeat(100_000) });
      return { answer, tookMs: performance.now() - begun };
    }),
  );
  const times = refused.flatMap(({ answer, tookMs }) => {
    if (answer.status === 200) return []; // it found a place that had just become free
    t.is(answer.status, 503, answer.text);
    t.is(answer.json.code, 'AT_CAPACITY');
    t.regex(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    return [tookMs];
  });
  times.sort((a, b) => a - b);
  t.true(times.length >= 34, `${times.length} were refused`);
  t.log(
    `refused ${times.length}: median ${Math.round(times[times.length >> 1]!)} ms, worst ${Math.round(times.at(-1)!)} ms`,
  );
  t.true(times[times.length >> 1]! < 500, 'most at once');
  for (const call of first) t.is((await call).text, '1');
  await full.assertIdle();
});

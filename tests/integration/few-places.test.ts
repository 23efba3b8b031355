/** More functions than containers may run, and a server that stands still, on real Docker. */
import { setTimeout as sleep } from 'node:timers/promises';
import { integration } from '../helpers/integration.js';
import { serverForFile, until, type Answer } from '../helpers/server-process.js';

const server = serverForFile({
  env: { GLAMBDAR_MAX_INSTANCES: '4', GLAMBDAR_LOAD_TIMEOUT_MS: '1500', GLAMBDAR_STANDBY: '1' },
});

/** How the call found its instance, as its answer tells. */
function startOf(answer: Answer): string {
  return /start;dur=[\d.]+;desc="(\w+)"/.exec(answer.headers.get('server-timing') ?? '')?.[1] ?? '';
}

async function recordOf(answer: Answer): Promise<Record<string, unknown>> {
  const path = `/invocations/${answer.headers.get('x-invocation-id')}`;
  await until('its record is there', async () => (await server().request(path)).status === 200);
  return (await server().request(path)).json as Record<string, unknown>;
}

async function remove(...names: string[]): Promise<void> {
  for (const name of names) await server().request(`/del/${name}`, { method: 'DELETE' });
}

integration('the one function that is called keeps a container, whatever else was deployed', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) await server().deployed(name, 'exports.handler = async () => ({ body: 1 });');
  const replaced = async (): Promise<number> => server().metric('glambdar_refill_seconds_count');
  let before = 0;
  // The deploys of the others may have taken the place of its first container. Calls need pauses, or none finds one loaded.
  await until('a call finds a loaded container', async () => {
    await sleep(500);
    before = await replaced();
    return startOf(await server().invoke('a')) === 'loaded';
  });
  const starts: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    await until('the container is replaced', async () => (await replaced()) > before);
    before = await replaced();
    const answer = await server().invoke('a');
    starts.push(startOf(answer));
    const { queueMs } = await recordOf(answer);
    t.true((queueMs as number) < 100, `waited ${String(queueMs)} ms in the queue`);
  }
  t.deepEqual(starts, ['loaded', 'loaded', 'loaded', 'loaded', 'loaded']);
  await remove(...names);
});

integration(
  'a process that exits right before its deadline is told as a crash, not as a timeout',
  async (t) => {
    const source = `exports.handler = () => new Promise(() => setTimeout(() => process.exit(3), 60));`;
    await server().deployed('exits', source, { timeoutMs: 100 });
    for (let n = 0; n < 5; n += 1) {
      const answer = await server().invoke('exits');
      t.is(answer.status, 502, answer.text);
      t.is(answer.json.code, 'INSTANCE_CRASHED');
      t.like(await recordOf(answer), { outcome: 'crash' });
    }
    await remove('exits');
  },
);

integration(
  'code that is loaded too slowly in a call is the function’s error, and says what to raise',
  async (t) => {
    // Fast at its deploy, slow ever after: the time is the deploy's own.
    const until_ = Date.now() + 8_000;
    const source = `while (Date.now() > ${until_}) {} exports.handler = () => ({ body: 1 });`;
    await server().deployed('slow', source, { standby: 0 });
    await sleep(until_ - Date.now() + 500);
    const answer = await server().invoke('slow');
    t.is(answer.status, 500, answer.text);
    t.is(answer.json.code, 'LOAD_FAILED');
    t.regex(answer.json.error as string, /longer than 1500 ms\..*GLAMBDAR_LOAD_TIMEOUT_MS.*cpus \(0\.5\)/);
    const record = await recordOf(answer);
    t.like(record, { outcome: 'function_error' });
    t.true((record['loadMs'] as number) >= 1_400, `loadMs is ${String(record['loadMs'])}`);
    await remove('slow');
  },
);

integration('calls that come while the server stands still are served when it goes on', async (t) => {
  await server().deployed('still', 'exports.handler = async () => ({ body: 1 });', { standby: 0 });
  await server().assertIdle();
  const calls = Array.from({ length: 6 }, () => server().invoke('still'));
  await sleep(60);
  process.kill(server().pid, 'SIGSTOP');
  await sleep(4_000);
  process.kill(server().pid, 'SIGCONT');
  const statuses = (await Promise.all(calls)).map(({ status }) => status);
  t.deepEqual(statuses, Array(6).fill(200));
  await remove('still');
});

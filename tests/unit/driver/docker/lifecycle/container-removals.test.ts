import test, { type ExecutionContext } from 'ava';
import { ContainerRemovals } from '../../../../../src/driver/docker/lifecycle/container-removals.js';
import { DriverError } from '../../../../../src/driver/driver.js';
import { changed, openOnFake, until, type Parts } from '../../../../helpers/fake-engine-driver.js';

const never = new AbortController().signal;

/** A driver with as many running containers, whose removals the daemon takes and does not finish. */
async function withHeldRemovals(
  t: ExecutionContext,
  names: string[],
  graceMs = 0,
  gently = false,
): Promise<Parts> {
  const parts = await openOnFake(t, {
    removalsAtOnce: 2,
    gently: () => gently,
    pingLimitMs: 1_000,
    graceMs,
  });
  await until(() => parts.engine.watchers === 1);
  for (const name of names) await parts.driver.start(parts.spec(name), never);
  parts.engine.hold('DELETE /containers');
  return parts;
}

function deleted(engine: Parts['engine']): string[] {
  return engine.requests
    .filter((line) => line.startsWith('DELETE /containers'))
    .map((line) => line.slice(-1));
}

test.serial('no more than a few removals are at the daemon; the others follow in order', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a', 'b', 'c', 'd', 'e']);
  const removed = ['a', 'b', 'c', 'd', 'e'].map((name) => driver.remove(name));
  await until(() => deleted(engine).length === 2);
  await driver.output('a', 1); // a whole round trip later there are still two
  t.deepEqual(deleted(engine).sort(), ['a', 'b']);
  engine.release('DELETE /containers');
  await Promise.all(removed);
  t.deepEqual(deleted(engine).slice(2).sort(), ['c', 'd', 'e']);
  t.is(deleted(engine).at(-1), 'e');
  t.is(engine.containers.size, 0);
});

test.serial('while calls need the cores half as many are at the daemon, unless one is urgent', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a', 'b', 'c'], 0, true);
  const removed = ['a', 'b'].map((name) => driver.remove(name));
  await until(() => deleted(engine).length === 1);
  await driver.output('a', 1); // a whole round trip later there is still one
  t.deepEqual(deleted(engine), ['a']);
  removed.push(driver.remove('c', { urgent: true }));
  await until(() => deleted(engine).length === 2);
  t.deepEqual(deleted(engine), ['a', 'c']);
  engine.release('DELETE /containers');
  await Promise.all(removed);
  t.is(engine.containers.size, 0);
});

test.serial('when many wait to be removed, removals hurry although calls need the cores', async (t) => {
  const names = [...'abcdefghij'];
  const { engine, driver } = await withHeldRemovals(t, names, 0, true);
  const removed = names.map((name) => driver.remove(name));
  await until(() => deleted(engine).length === 2);
  engine.release('DELETE /containers');
  await Promise.all(removed);
  t.is(engine.containers.size, 0);
});

test.serial('urgent removals go first, and are killed at once when they have to wait', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a', 'b', 'c', 'd', 'e']);
  const removed = ['a', 'b', 'c', 'd'].map((name) => driver.remove(name));
  await until(() => deleted(engine).length === 2);
  removed.push(driver.remove('e', { urgent: true }), driver.remove('d', { urgent: true }));
  await until(() => engine.containers.get('glambdar-e')?.state === 'exited');
  await until(() => engine.containers.get('glambdar-d')?.state === 'exited');
  t.is(engine.containers.get('glambdar-c')?.state, 'running');
  t.is(deleted(engine).length, 2);
  engine.release('DELETE /containers');
  await Promise.all(removed);
  t.deepEqual(deleted(engine).slice(2, 4).sort(), ['d', 'e']);
  t.is(deleted(engine).at(-1), 'c');
});

test.serial('an urgent removal whose turn it is needs no kill of its own', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a']);
  engine.release('DELETE /containers');
  await driver.remove('a', { urgent: true });
  t.false(engine.requests.some((line) => line.endsWith('/kill')));
});

test.serial('a worker that ends by itself while its removal waits is not asked why', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a', 'b', 'c', 'd']);
  const exits: unknown[] = [];
  driver.onExit('c', (exit) => exits.push(exit));
  const removed = ['a', 'b', 'c'].map((name) => driver.remove(name));
  engine.die('glambdar-c', 0);
  engine.die('glambdar-d', 0); // the later event is dealt with: so is the earlier
  t.like(await driver.exitState('d', 5_000), { exitCode: 0 });
  t.deepEqual(
    engine.requests.filter((line) => line.endsWith('c/json')),
    [],
  );
  t.is(await driver.exitState('c', 0), undefined);
  t.deepEqual(exits, []);
  engine.release('DELETE /containers');
  await Promise.all(removed);
});

test.serial('waiting removals are left alone by the reaper, and asking twice removes once', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a', 'b', 'c']);
  const removed = ['a', 'b', 'c', 'c', 'a'].map((name) => driver.remove(name));
  const lists = (): number => engine.requests.filter((line) => line === 'GET /containers/json').length;
  const before = lists();
  await until(() => lists() > before + 2);
  engine.release('DELETE /containers');
  await Promise.all(removed);
  t.deepEqual(deleted(engine).sort(), ['a', 'b', 'c']);
});

test.serial('when the daemon goes away waiting removals reject, and the reaper gets them', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a', 'b', 'c', 'd']);
  const removed = ['a', 'b', 'c', 'd'].map((name) => driver.remove(name));
  const rejected = removed.map((each) => t.throwsAsync(each, { instanceOf: DriverError }));
  const gone = changed(driver, false);
  await engine.goAway();
  await gone;
  for (const error of await Promise.all(rejected)) t.is(error.kind, 'unavailable');
  engine.release('DELETE /containers');
  await engine.comeBack();
  await until(() => engine.containers.size === 0);
});

test.serial('closing does not wait for the turns of removals', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a', 'b', 'c', 'd']);
  const removed = ['a', 'b', 'c', 'd'].map((name) => driver.remove(name));
  const waiting = removed
    .slice(2)
    .map((each) => t.throwsAsync(each, { instanceOf: DriverError, message: /stopping/ }));
  await until(() => deleted(engine).length === 2);
  const closed = driver.close();
  await Promise.all(waiting);
  engine.release('DELETE /containers');
  await Promise.all([closed, ...removed.slice(0, 2)]);
  t.is(engine.containers.size, 0);
});

test.serial('a failed removal gives its turn to the next', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a', 'b', 'c']);
  engine.failures.set('DELETE /containers/glambdar-a', { status: 500, message: 'device busy' });
  engine.failures.set('DELETE /containers/glambdar-b', { status: 500, message: 'device busy' });
  const removed = ['a', 'b', 'c'].map((name) => driver.remove(name));
  const failed = removed.slice(0, 2).map((each) => t.throwsAsync(each, { message: /device busy/ }));
  engine.release('DELETE /containers');
  await Promise.all([...failed, removed[2]]);
  t.false(engine.containers.has('glambdar-c'));
});

test.serial(
  'a worker may end by itself before its container is removed; who ended is removed at once',
  async (t) => {
    const { engine, driver } = await withHeldRemovals(t, ['a', 'b', 'c'], 60_000);
    engine.release('DELETE /containers');
    engine.die('glambdar-a', 0);
    await driver.exitState('a', 5_000);
    await driver.remove('a');
    const removed = driver.remove('b');
    await driver.output('b', 1);
    t.deepEqual(deleted(engine), ['a']);
    engine.die('glambdar-b', 0);
    await removed;
    t.deepEqual(deleted(engine), ['a', 'b']);
    t.false(engine.requests.some((line) => line.endsWith('b/json')));
    await driver.remove('never0there');
  },
);

test.serial('urgency, given at once or later, leaves no time to end', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a', 'b'], 60_000);
  engine.release('DELETE /containers');
  await driver.remove('a', { urgent: true });
  const removed = driver.remove('b');
  await driver.remove('b', { urgent: true });
  await removed;
  t.false(engine.requests.some((line) => line.endsWith('/kill')));
});

test.serial('a worker that does not end is removed all the same', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a'], 20);
  engine.release('DELETE /containers');
  await driver.remove('a');
  t.is(engine.containers.size, 0);
});

test.serial('closing does not wait for workers to end', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a'], 60_000);
  engine.release('DELETE /containers');
  const rejected = t.throwsAsync(driver.remove('a'), { instanceOf: DriverError, message: /stopping/ });
  await driver.close();
  await rejected;
  t.is(engine.containers.size, 0);
});

/** Removals on their own, and what they asked of the engine and in which order the output was read. */
function onItsOwn(lateMs: number) {
  const done: string[] = [];
  const removals = new ContainerRemovals({
    engine: {
      killContainer: async () => void done.push('kill'),
      removeContainer: async () => void done.push('remove'),
    },
    whileAvailable: (work) => work(),
    atOnce: 1,
    gently: () => false,
    graceMs: 0,
    lateMs,
  });
  const before = async (ended: boolean): Promise<void> => void done.push(ended ? 'read' : 'read early');
  return { done, removals, before };
}

for (const urgent of [false, true]) {
  const title = urgent ? 'is urgent' : 'does not end in its time';
  test(`one that ${title} and whose output is wanted is killed, has ended, is read, and is removed`, async (t) => {
    const { done, removals, before } = onItsOwn(60_000);
    const removed = removals.remove('a', { urgent, runs: true, before });
    await until(() => done.length > 0);
    t.deepEqual(done, ['kill']);
    removals.ended('a');
    await removed;
    t.deepEqual(done, ['kill', 'read', 'remove']);
  });
}

test('one whose output is wanted and that has ended is read and removed without a kill', async (t) => {
  const { done, removals, before } = onItsOwn(60_000);
  await removals.remove('a', { urgent: false, runs: false, before });
  const removed = removals.remove('b', { urgent: false, runs: true, before });
  removals.ended('b');
  await removed;
  t.deepEqual(done, ['read', 'remove', 'read', 'remove']);
});

test('the end of one that was killed is waited for no longer than a while', async (t) => {
  const { done, removals, before } = onItsOwn(5);
  await removals.remove('a', { urgent: true, runs: true, before });
  t.deepEqual(done, ['kill', 'read early', 'remove']);
});

test('one that ends while it waits for its turn needs no kill', async (t) => {
  const { done, removals, before } = onItsOwn(60_000);
  const removed = [removals.remove('a', { urgent: true, runs: true, before })];
  removed.push(removals.remove('b', { urgent: false, runs: true, before }));
  await until(() => done.length > 0);
  removals.ended('b');
  removals.ended('a');
  await Promise.all(removed);
  t.deepEqual(done, ['kill', 'read', 'remove', 'read', 'remove']);
});

test('when nothing more is told of ends, none is waited for', async (t) => {
  const { done, removals, before } = onItsOwn(60_000);
  const removed = removals.remove('a', { urgent: true, runs: true, before });
  await until(() => done.length > 0);
  removals.rejectWaiting(new DriverError('unavailable', 'stopping'));
  await removed;
  t.deepEqual(done, ['kill', 'read early', 'remove']);
});

test.serial('an end that the daemon is still asked about counts for a removal', async (t) => {
  const { engine, driver } = await withHeldRemovals(t, ['a'], 60_000);
  engine.release('DELETE /containers');
  engine.hold('GET /containers/glambdar-a/json');
  engine.die('glambdar-a', 0);
  await until(() => engine.requests.some((line) => line.endsWith('a/json')));
  const removed = driver.remove('a', { outputBytes: 1 });
  engine.release('GET /containers/glambdar-a/json');
  await removed;
  t.false(engine.requests.some((line) => line.endsWith('/kill')));
});

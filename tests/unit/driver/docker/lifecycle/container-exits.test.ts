import test from 'ava';
import { ContainerExits } from '../../../../../src/driver/docker/lifecycle/container-exits.js';

const exit = { exitCode: 1, oomKilled: false };

test('an exit is recorded once, with the memory event that came before', async (t) => {
  const exits = new ContainerExits();
  exits.track('a');
  const heard: unknown[] = [];
  exits.onExit('a', (state) => heard.push(state));
  exits.noteOom('a');
  exits.record('a', { exitCode: 137, oomKilled: false });
  exits.record('a', exit);
  t.deepEqual(heard, [{ exitCode: 137, oomKilled: true }]);
  t.deepEqual(await exits.wait('a', 0), { exitCode: 137, oomKilled: true });
});

test('what is not tracked is unknown: nothing is kept, nobody is called', async (t) => {
  const exits = new ContainerExits();
  exits.record('a', exit);
  exits.noteOom('a');
  exits.started('a');
  exits.onExit('a', () => t.fail())();
  t.is(await exits.wait('a', 60_000), undefined);
  t.false(exits.has('a'));
});

test('a memory event that is waited for ends the wait, and so does forgetting', async (t) => {
  const exits = new ContainerExits();
  exits.track('a');
  const waits = [exits.oomNoted('a', 60_000)];
  exits.noteOom('a');
  waits.push(exits.oomNoted('a', 60_000), exits.oomNoted('unknown', 60_000));
  exits.track('b');
  waits.push(exits.oomNoted('b', 60_000));
  exits.forget('b');
  await t.notThrowsAsync(Promise.all(waits));
});

test('forgetting ends the waits at once', async (t) => {
  const exits = new ContainerExits();
  exits.track('a');
  const waiting = exits.wait('a', 60_000);
  exits.onExit('a', () => t.fail());
  exits.forget('a');
  t.is(await waiting, undefined);
  exits.record('a', exit);
});

test('only what was started and has not ended counts as running', (t) => {
  const exits = new ContainerExits();
  for (const id of ['starting', 'running', 'ended']) exits.track(id);
  exits.started('running');
  exits.started('ended');
  exits.record('ended', exit);
  t.deepEqual(exits.running(), ['running']);
  exits.clear();
  t.false(exits.has('running'));
});

import test from 'ava';
import { unwatchDeparture, watchDeparture, type Watcher } from '../../../../src/model/call/departure.js';

/** Watchers by name, and the names of those told so far. */
function watchers(signal: AbortSignal, names: string): { told: string[]; each: Record<string, Watcher> } {
  const told: string[] = [];
  const each: Record<string, Watcher> = {};
  for (const name of names) {
    each[name] = { departed: () => told.push(name) };
    watchDeparture(signal, each[name]);
  }
  return { told, each };
}

test('all who watch are told once; who has ended the watch is not', (t) => {
  const controller = new AbortController();
  const { told, each } = watchers(controller.signal, 'abc');
  unwatchDeparture(controller.signal, each['b']!);
  unwatchDeparture(controller.signal, each['b']!);
  controller.abort();
  t.deepEqual(told, ['a', 'c']);
});

test('who ends the watch of another while all are told keeps the other from being told, and nobody else', (t) => {
  const controller = new AbortController();
  const { told, each } = watchers(controller.signal, 'abcd');
  each['a']!.departed = () => {
    told.push('a');
    // Its own, as calls do, and that of the next but one.
    for (const name of ['a', 'c']) unwatchDeparture(controller.signal, each[name]!);
  };
  controller.abort();
  t.deepEqual(told, ['a', 'b', 'd']);
});

test('a watch that never began can be ended', (t) => {
  t.notThrows(() => unwatchDeparture(new AbortController().signal, { departed: () => undefined }));
});

import test from 'ava';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SqliteFunctionStore } from '../../../../src/store/sqlite/functions/sqlite-function-store.js';
import { command, has, start } from './children/child.js';
import { temporaryDirectory } from '../temporary.js';

/**
 * Killing a process proves nothing about power loss: the kernel still has what was written. What counts is the order of
 * the system calls.
 */
const traced = has('strace', '-V') && has('strace', 'true') ? test : test.skip; // there is nothing else to see it with

traced(
  'the log of glambdar.db is synced between the write of a publish or removal and its acknowledgement',
  (t) => {
    const dir = temporaryDirectory(t);
    const log = join(dir, 'strace.log');
    const calls = 'trace=write,pwrite64,fsync,fdatasync';
    const run = spawnSync('strace', [
      '-f',
      '-y',
      '-e',
      calls,
      '-o',
      log,
      ...command('publisher.ts', dir, '20'),
    ]);
    t.is(run.status, 0, run.stderr.toString());

    let unsynced: string[] = [];
    let acknowledged = 0;
    const synced = new Set<string>();
    for (const line of readFileSync(log, 'utf8').split('\n')) {
      const call = /^(?:\d+\s+)?(\w+)\((\d+)<([^>]*)>(.*)/.exec(line);
      if (call === null) continue;
      const [, name, descriptor, path, rest] = call as unknown as [string, string, string, string, string];
      if (name.includes('sync')) {
        unsynced = unsynced.filter((file) => file !== path);
        synced.add(path);
      } else if (path.includes('/glambdar.db')) {
        if (!path.endsWith('-shm')) unsynced.push(path); // rebuilt from the log after a crash
      } else if (descriptor === '1' && /"(ACK|GONE)/.test(rest)) {
        acknowledged++;
        t.deepEqual(unsynced, [], `acknowledged before it was synced: ${line}`);
      }
    }
    t.is(acknowledged, 22);
    t.true([...synced].some((path) => path.endsWith('/glambdar.db-wal')));
    t.true(synced.has(dir), 'the directory itself, which holds the name of the new file');
  },
);

test('whatever was acknowledged before kill -9 is there afterwards, and whatever was removed is not', async (t) => {
  for (const killAfter of [1, 23, 71]) {
    const dir = temporaryDirectory(t);
    const { process: child, lines } = start(t, 'publisher.ts', dir, '100000');
    const active = new Map<string, number>();
    let last = 0;
    let heard = 0;
    let removalUnderWay = false;
    for await (const line of lines) {
      const [kind, name, version] = line.split(' ') as [string, string, string];
      if (kind === 'ACK') active.set(name, (last = Number(version)));
      if (kind === 'GONE') active.delete(name);
      removalUnderWay = kind === 'ACK' && last % 10 === 0;
      if (++heard === killAfter) child.kill('SIGKILL'); // what it says until it is dead counts, too
    }
    const store = new SqliteFunctionStore({ dir, readRestored: () => ({ functions: [], lost: [] }) });
    t.is(store.recovered, null);
    const found = new Map((await store.list()).map(({ ref, active }) => [ref.name, active.version]));
    await store.close();
    // What was under way may have happened: a removal of f3, or the next publish.
    if (removalUnderWay && !found.has('f3')) active.delete('f3');
    const next = `f${(last + 1) % 7}`;
    if (found.get(next) === last + 1) active.set(next, last + 1);
    t.deepEqual([...found].sort(), [...active].sort());
  }
});

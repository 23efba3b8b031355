/**
 * Owns the rows of what ten thousand calls of every kind leave behind, beside what the server knows of and keeps in stock.
 * Calls of every kind, and many removals at once, come before the first count, because connections to the daemon and the
 * databases are opened when needed and kept.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { callOf, CRASHING, ECHO, REUSED, THROWING, WAITING } from '../functions-under-test.js';
import { ConnectionPool, requestBytes } from '../http-connection.js';
import { closedLoop } from '../load.js';
import type { Measurement } from '../measurement.js';
import { descriptors, rssMb } from '../process-figures.js';
import type { ServerUnderTest } from '../server-under-test.js';

const CALLERS = 8;
/** Of every so many calls one is each of these; the others are warm. */
const EVERY = { oneUse: 250, throwing: 250, crashing: 1_000 };
const SETTLE_MS = 8_000;
const TOGETHER = { calls: 16, afterMs: 3_000 };
/** Reused containers are gone soon after the last call. */
const SETTINGS = { GLAMBDAR_KEEP_ALIVE_MS: '1000' };

interface Count {
  /** Containers the server knows of. */
  known: number;
  containers: number;
  slots: number;
  sockets: number;
  descriptors: number;
}

const counted = ['containers', 'slots', 'sockets', 'descriptors'] as const;

async function countOf(server: ServerUnderTest): Promise<Count> {
  const known = await server.metric('glambdar_instances');
  const open = descriptors(server.pid);
  const containers = (await server.containers()).length;
  return { known, containers, slots: server.slots().slots, sockets: open.sockets, descriptors: open.all };
}

/** Each container in stock has a slot and a connection. */
function excess(after: Count, before: Count): number {
  const beside = (count: Count, key: (typeof counted)[number]): number => count[key] - count.known;
  return counted.reduce((sum, key) => sum + Math.max(0, beside(after, key) - beside(before, key)), 0);
}

export const leftovers: Measurement = {
  id: 'leftovers',
  rows: [
    {
      number: 12,
      title: 'left after 10,000 mixed calls: containers, slots, descriptors',
      unit: '',
      limit: 0,
      aim: 0,
      better: 'lower',
    },
    {
      number: 12,
      title: 'containers left after the server has stopped',
      unit: '',
      limit: 0,
      aim: 0,
      better: 'lower',
    },
  ],
  limitSeconds: 60,
  async measure(turn) {
    const server = await turn.server(SETTINGS);
    const settings = { standby: 0 };
    await server.deploy('warm', ECHO, { ...settings, ...REUSED });
    await server.deploy('throwing', THROWING, { ...settings, ...REUSED });
    await server.deploy('one-use', ECHO, settings);
    await server.deploy('crashing', CRASHING, settings);
    await server.deploy('waiting', WAITING, settings);
    const requests = {
      warm: callOf('warm'),
      throwing: callOf('throwing'),
      oneUse: callOf('one-use'),
      crashing: callOf('crashing'),
    };
    const expected = { warm: 200, throwing: 500, oneUse: 200, crashing: 502 };
    const unexpected = new Map<string, number>();
    const mixed = async (calls: number): Promise<number> => {
      const pool = new ConnectionPool(server.port);
      turn.atEnd(() => pool.close());
      let made = 0;
      const took = await closedLoop(
        { callers: CALLERS, seconds: Infinity, signal: turn.signal },
        async () => {
          if (made >= calls) return false;
          made += 1;
          const kind =
            made % EVERY.crashing === 7
              ? 'crashing'
              : made % EVERY.oneUse === 3
                ? 'oneUse'
                : made % EVERY.throwing === 1
                  ? 'throwing'
                  : 'warm';
          const { status } = await pool.call(requests[kind]);
          if (status === expected[kind]) return true;
          const what = `${kind}: ${status}`;
          unexpected.set(what, (unexpected.get(what) ?? 0) + 1);
          return true;
        },
      );
      pool.close();
      return took;
    };
    await mixed(600);
    await manyRemovals();
    await server.quiet({ stableMs: 1_500 });
    const before = await countOf(server);
    const memoryBefore = rssMb(server.pid);
    const calls = turn.pick(10_000, 2_000);
    const seconds = await mixed(calls);
    const settled = performance.now() + SETTLE_MS;
    await server.quiet({ stableMs: 300 });
    let after = await countOf(server);
    while (excess(after, before) > 0 && performance.now() < settled) {
      await sleep(200);
      after = await countOf(server);
    }
    const memoryAfter = rssMb(server.pid);
    const treesInUse = server.slots().trees;
    await server.undeploy('warm', 'throwing', 'one-use', 'crashing', 'waiting');
    await server.quiet({ stableMs: 300 });
    const { trees } = server.slots();
    const left = await turn.bench.stopServer();
    const figures: Record<string, number> = { 'calls/s': calls / seconds };
    for (const key of ['known', ...counted] as const) {
      figures[`${key} before`] = before[key];
      figures[`${key} after`] = after[key];
    }
    figures['copies of code after'] = treesInUse;
    figures['copies when deleted'] = trees;
    figures['RSS before MiB'] = memoryBefore;
    figures['RSS after MiB'] = memoryAfter;
    return [
      {
        value: excess(after, before) + trees,
        n: calls,
        figures,
        note: [
          'more than before, beside the stock the server knows of',
          ...[...unexpected].map(([what, count]) => `unexpected: ${count} × ${what}`),
        ].join('; '),
      },
      { value: left, n: 1, figures: {} },
    ];

    /** As many calls as the server keeps connections to the daemon, ending at the same time. */
    async function manyRemovals(): Promise<void> {
      const pool = new ConnectionPool(server.port);
      turn.atEnd(() => pool.close());
      const until = Date.now() + TOGETHER.afterMs;
      const request = requestBytes('POST', '/invoke/waiting', JSON.stringify({ until }));
      await Promise.all(Array.from({ length: TOGETHER.calls }, () => pool.call(request)));
      pool.close();
    }
  },
};

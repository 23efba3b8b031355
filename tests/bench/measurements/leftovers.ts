/**
 * Owns the rows of what ten thousand calls of every kind leave behind. The first calls are made before what is there is
 * counted, because connections to the daemon and the databases are opened once and kept.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { callOf, CRASHING, ECHO, REUSED, THROWING } from '../functions-under-test.js';
import { ConnectionPool } from '../http-connection.js';
import { closedLoop } from '../load.js';
import type { Measurement } from '../measurement.js';
import { descriptors, rssMb } from '../process-figures.js';
import type { ServerUnderTest } from '../server-under-test.js';

const CALLERS = 8;
/** Of every so many calls one is each of these; the others are warm. */
const EVERY = { oneUse: 250, throwing: 250, crashing: 1_000 };
const SETTLE_MS = 12_000;
/** Reused containers are gone soon after the last call. */
const SETTINGS = { GLAMBDAR_KEEP_ALIVE_MS: '1000' };

interface Stock {
  containers: number;
  slots: number;
  sockets: number;
  descriptors: number;
}

async function stockOf(server: ServerUnderTest): Promise<Stock> {
  const open = descriptors(server.pid);
  const containers = (await server.containers()).length;
  return { containers, slots: server.slots().slots, sockets: open.sockets, descriptors: open.all };
}

function excess(after: Stock, before: Stock): number {
  return (Object.keys(before) as (keyof Stock)[]).reduce(
    (sum, key) => sum + Math.max(0, after[key] - before[key]),
    0,
  );
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
    await server.quiet({ stableMs: 2_000 });
    const before = await stockOf(server);
    const memoryBefore = rssMb(server.pid);
    const calls = turn.pick(10_000, 2_000);
    const seconds = await mixed(calls);
    const settled = performance.now() + SETTLE_MS;
    await server.quiet({ stableMs: 300 });
    let after = await stockOf(server);
    while (excess(after, before) > 0 && performance.now() < settled) {
      await sleep(200);
      after = await stockOf(server);
    }
    const memoryAfter = rssMb(server.pid);
    const treesInUse = server.slots().trees;
    await server.undeploy('warm', 'throwing', 'one-use', 'crashing');
    await server.quiet({ stableMs: 300 });
    const { trees } = server.slots();
    const left = await turn.bench.stopServer();
    const figures: Record<string, number> = { 'calls/s': calls / seconds };
    for (const key of Object.keys(before) as (keyof Stock)[]) {
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
        ...(unexpected.size > 0
          ? { note: `unexpected: ${[...unexpected].map(([what, count]) => `${count} × ${what}`).join('; ')}` }
          : {}),
      },
      { value: left, n: 1, figures: {} },
    ];
  },
};

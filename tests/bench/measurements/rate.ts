/**
 * Owns the row of fresh containers per second: one-use calls with nothing in stock, against the raw life cycle (create,
 * start, connect, answer, remove) at the concurrency that suits it best. A block ends when its last container is
 * gone, so removals that are put off are paid for.
 */
import { assertEcho, BODY, callOf, ECHO } from '../functions-under-test.js';
import { ConnectionPool } from '../http-connection.js';
import { closedLoop, type Callers } from '../load.js';
import type { Measurement } from '../measurement.js';
import type { RawEngine } from '../raw-engine.js';
import type { ServerUnderTest } from '../server-under-test.js';
import { median, summary } from '../statistics.js';
import { NOTHING_IDLE } from '../workbench.js';

const CONCURRENCIES = [2, 4];

/** Life cycles per second. */
async function rawRate(engine: RawEngine, load: Callers): Promise<number> {
  let done = 0;
  const took = await closedLoop(load, async () => {
    const container = await engine.start();
    await engine.ask(container, BODY);
    await engine.remove(container);
    done += 1;
  });
  return done / took;
}

/** Calls per second, each in a container of its own, removals included. */
async function serverRate(server: ServerUnderTest, pool: ConnectionPool, load: Callers): Promise<number> {
  const request = callOf('rate');
  let done = 0;
  const began = performance.now();
  await closedLoop(load, async () => {
    assertEcho(await pool.call(request));
    done += 1;
  });
  await server.empty();
  return done / ((performance.now() - began) / 1000);
}

export const rate: Measurement = {
  id: 'rate',
  rows: [
    {
      number: 7,
      title: 'fresh containers/s / raw life cycles/s',
      unit: '',
      limit: 0.85,
      aim: 0.97,
      better: 'higher',
    },
  ],
  limitSeconds: 60,
  async measure(turn) {
    const server = await turn.server(NOTHING_IDLE);
    await server.deploy('rate', ECHO);
    await server.empty();
    const pool = new ConnectionPool(server.port);
    turn.atEnd(() => pool.close());
    const tried: Record<string, number> = {};
    for (const callers of CONCURRENCIES)
      tried[`raw/s at ${callers}`] = await rawRate(turn.engine, {
        callers,
        seconds: 1.5,
        signal: turn.signal,
      });
    const best = CONCURRENCIES.toSorted((a, b) => tried[`raw/s at ${b}`]! - tried[`raw/s at ${a}`]!)[0]!;
    const raw: number[] = [];
    const ours: number[] = [];
    const rounds = 2;
    for (let round = 0; round < rounds; round += 1) {
      const load = { callers: best, seconds: turn.pick(4, 2), signal: turn.signal };
      ours.push(await serverRate(server, pool, load));
      raw.push(await rawRate(turn.engine, load));
    }
    await server.undeploy('rate');
    turn.bench.rate = median(ours);
    return [
      {
        value: median(ours) / median(raw),
        n: rounds,
        figures: { 'server/s': summary(ours), 'raw/s': summary(raw), ...tried },
        note: `${best} at a time, removals included`,
      },
    ];
  },
};

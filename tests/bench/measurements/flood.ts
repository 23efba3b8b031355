/** Owns the row of what one function's callers notice while another function is flooded. */
import { assertEcho, callOf, ECHO } from '../functions-under-test.js';
import { ConnectionPool, startOf } from '../http-connection.js';
import { closedLoop, openLoop } from '../load.js';
import type { Measurement } from '../measurement.js';
import { summary } from '../statistics.js';

const FLOODERS = 64;
const RATE = 3;
/** Fewer samples than this have no 99th percentile but their largest. */
const ENOUGH = 100;

export const flood: Measurement = {
  id: 'flood',
  rows: [
    {
      number: 13,
      title: `p99 beside a flood of ${FLOODERS} callers / p99 alone`,
      unit: '',
      limit: 3,
      aim: 1.5,
      better: 'lower',
    },
  ],
  limitSeconds: 60,
  async measure(turn) {
    const server = await turn.server();
    await server.deploy('steady', ECHO);
    await server.deploy('flooded', ECHO);
    const pool = new ConnectionPool(server.port);
    const floodPool = new ConnectionPool(server.port);
    turn.atEnd(() => [pool, floodPool].forEach((each) => each.close()));
    const request = callOf('steady');
    const floodRequest = callOf('flooded');
    const seconds = turn.pick(10, 6);
    const steady = async (): Promise<{ ms: number[]; loaded: number; failed: number }> => {
      const found = { ms: [] as number[], loaded: 0, failed: 0 };
      await openLoop({ rate: RATE, seconds, signal: turn.signal }, async () => {
        try {
          const answer = assertEcho(await pool.call(request));
          found.ms.push(answer.ms);
          if (startOf(answer) === 'loaded') found.loaded += 1;
        } catch {
          found.failed += 1;
        }
      });
      return found;
    };
    // In use, so that the server has seen what it needs.
    await openLoop({ rate: RATE, seconds: 2, signal: turn.signal }, async () => {
      assertEcho(await pool.call(request));
    });
    const alone = await steady();
    let floods = 0;
    let over = false;
    const callers = { callers: FLOODERS, seconds: Infinity, signal: turn.signal };
    const flooding = closedLoop(callers, async () => {
      try {
        if ((await floodPool.call(floodRequest)).status === 200) floods += 1;
      } catch (error) {
        if (!over) throw error;
      }
      return !over;
    });
    // Its callers go away at the end, instead of being waited for.
    const beside = await steady().finally(() => {
      over = true;
      floodPool.close();
    });
    await flooding;
    await server.quiet({ stableMs: 200, limitMs: 30_000 });
    await server.undeploy('steady', 'flooded');
    const figures = {
      'alone ms': summary(alone.ms),
      'beside ms': summary(beside.ms),
      'loaded alone %': (100 * alone.loaded) / alone.ms.length,
      'loaded beside %': (100 * beside.loaded) / beside.ms.length,
      'flood calls/s': floods / seconds,
      'failed calls': alone.failed + beside.failed,
    };
    const n = Math.min(alone.ms.length, beside.ms.length);
    return [
      {
        value: figures['beside ms'].p99 / figures['alone ms'].p99,
        n,
        figures: {
          ...figures,
          'ratio of p50s': figures['beside ms'].p50 / figures['alone ms'].p50,
        },
        ...(n < ENOUGH ? { note: `with ${n} samples each the p99 is the largest` } : {}),
      },
    ];
  },
};

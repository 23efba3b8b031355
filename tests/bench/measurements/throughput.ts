/** Owns the row of warm calls per second against those of a Koa server that echoes, in alternating blocks. */
import { assertEcho, BODY, callOf, ECHO, REUSED } from '../functions-under-test.js';
import { EchoServer } from '../floors.js';
import { ConnectionPool, requestBytes, startOf } from '../http-connection.js';
import { closedLoop } from '../load.js';
import type { Measurement } from '../measurement.js';
import { median, summary } from '../statistics.js';

const CONNECTIONS = 8;
const MANY_CONNECTIONS = 32;
/** Before anything is measured. Each ends when two seconds in a row are no better than those before, and at the latest after `most` seconds. */
const WARM_UPS = [
  { side: 'koa', callers: CONNECTIONS, most: 4 },
  { side: 'server', callers: CONNECTIONS, most: 12 },
  // Only here calls wait for a container.
  { side: 'server', callers: MANY_CONNECTIONS, most: 5 },
] as const;

export const throughput: Measurement = {
  id: 'throughput',
  rows: [
    {
      number: 6,
      title: 'warm calls/s / Koa echo requests/s, 8 connections',
      unit: '',
      limit: 0.4,
      aim: 0.65,
      better: 'higher',
    },
    {
      number: 15,
      title: `warm calls/s at ${MANY_CONNECTIONS} connections / at ${CONNECTIONS}`,
      unit: '',
      limit: 0.9,
      aim: 1,
      better: 'higher',
    },
  ],
  limitSeconds: 50,
  async measure(turn) {
    const server = await turn.server();
    const koa = await EchoServer.start('koa');
    turn.atEnd(() => koa.stop());
    await server.deploy('throughput', ECHO, REUSED);
    const sides = {
      server: { pool: new ConnectionPool(server.port), request: callOf('throughput'), rates: [] as number[] },
      koa: {
        pool: new ConnectionPool(koa.port),
        request: requestBytes('POST', '/', BODY),
        rates: [] as number[],
      },
    };
    turn.atEnd(() => Object.values(sides).forEach(({ pool }) => pool.close()));
    let notWarm = 0;
    const block = async (side: 'server' | 'koa', seconds: number, callers = CONNECTIONS): Promise<number> => {
      const { pool, request } = sides[side];
      await pool.open(callers);
      let answered = 0;
      const took = await closedLoop({ callers, seconds, signal: turn.signal }, async () => {
        const answer = assertEcho(await pool.call(request));
        answered += 1;
        if (side === 'server' && startOf(answer) !== 'warm') notWarm += 1;
      });
      return answered / took;
    };
    // Until there is a warm container for every connection, and V8 has compiled in all of them what is hot.
    for (const { side, callers, most } of WARM_UPS) {
      let best = 0;
      let noBetter = 0;
      for (let second = 0; second < most && noBetter < 2; second += 1) {
        const rate = await block(side, 1, callers);
        noBetter = rate < 1.03 * best ? noBetter + 1 : 0;
        best = Math.max(best, rate);
      }
    }
    const states = await server.quiet({ stableMs: 300 });
    notWarm = 0;
    const rounds = turn.pick(3, 2);
    const many: number[] = [];
    const again: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      many.push(await block('server', turn.pick(1.5, 1), MANY_CONNECTIONS));
      again.push(await block('server', turn.pick(1.5, 1)));
    }
    for (let round = 0; round < rounds; round += 1)
      for (const side of ['server', 'koa'] as const)
        sides[side].rates.push(await block(side, turn.pick(1.5, 1)));
    await server.undeploy('throughput');
    return [
      {
        value: median(sides.server.rates) / median(sides.koa.rates),
        n: rounds,
        figures: {
          'server calls/s': summary(sides.server.rates),
          'koa requests/s': summary(sides.koa.rates),
          'calls not warm': notWarm,
          'warm containers': states['warm'] ?? 0,
        },
      },
      {
        value: median(many) / median(again),
        n: rounds,
        figures: {
          [`calls/s at ${MANY_CONNECTIONS}`]: summary(many),
          [`calls/s at ${CONNECTIONS}`]: summary(again),
        },
      },
    ];
  },
};

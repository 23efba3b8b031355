/** Owns the row of calls that come at random (Poisson) at half of what containers can be made for: how many are cold. */
import { callOf, ECHO } from '../functions-under-test.js';
import { ConnectionPool, startOf } from '../http-connection.js';
import { openLoop } from '../load.js';
import type { Measurement } from '../measurement.js';
import { seededRandom, summary, type Summary } from '../statistics.js';
import { rate } from './rate.js';

const FULL_SECONDS = 180;
const SHARE_OF_RATE = 0.5;
/** For the last calls and the server's end. */
const SPARE_SECONDS = 8;

export const arrivals: Measurement = {
  id: 'arrivals',
  rows: [
    {
      number: 8,
      title: 'cold share, Poisson arrivals at half the container rate',
      unit: '%',
      limit: 5,
      aim: 1,
      better: 'lower',
    },
  ],
  limitSeconds: FULL_SECONDS + 30,
  async measure(turn) {
    if (turn.bench.rate === null) await rate.measure(turn);
    const perSecond = turn.bench.rate! * SHARE_OF_RATE;
    const server = await turn.server();
    await server.deploy('arrivals', ECHO);
    await server.quiet({ stableMs: 300 });
    const seconds = Math.floor(
      Math.min(turn.pick(FULL_SECONDS, 20), turn.bench.secondsLeft() - SPARE_SECONDS),
    );
    if (seconds < 5) throw new Error('no time was left');
    const pool = new ConnectionPool(server.port);
    turn.atEnd(() => pool.close());
    const request = callOf('arrivals');
    const byStart = new Map<string, number[]>();
    let failed = 0;
    const { calls, lateMs } = await openLoop(
      { rate: perSecond, seconds, random: seededRandom(1), signal: turn.signal },
      async () => {
        try {
          const answer = await pool.call(request);
          const start = answer.status === 200 ? startOf(answer) : null;
          if (start === null) failed += 1;
          else byStart.set(start, [...(byStart.get(start) ?? []), answer.ms]);
        } catch {
          failed += 1;
        }
      },
    );
    await server.undeploy('arrivals');
    const figures: Record<string, Summary | number> = {};
    for (const start of ['loaded', 'standby', 'cold', 'warm']) {
      const samples = byStart.get(start);
      if (samples === undefined) continue;
      figures[`${start} %`] = (100 * samples.length) / calls;
      figures[`${start} ms`] = summary(samples);
    }
    return [
      {
        value: (100 * (byStart.get('cold')?.length ?? 0)) / calls,
        n: calls,
        figures: {
          'call ms': summary([...byStart.values()].flat()),
          ...figures,
          'calls/s offered': perSecond,
          'failed calls': failed,
          'timer late by at most ms': lateMs,
        },
        note: seconds < FULL_SECONDS ? `${seconds} s instead of ${FULL_SECONDS} s` : `${seconds} s`,
      },
    ];
  },
};

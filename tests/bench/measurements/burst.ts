/** Owns the row of as many calls at once as there are loaded containers: each should find one. */
import { availableParallelism } from 'node:os';
import { assertEcho, callOf, ECHO } from '../functions-under-test.js';
import { ConnectionPool, startOf } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { median, summary } from '../statistics.js';
import { STOCKED } from '../workbench.js';

const SIZE = 8;
/** Calls of a burst share the cores; up to twice what that alone makes of a single one's median is its level. */
const LEVEL = 2 * Math.max(1, SIZE / availableParallelism());
const SINGLES = 8;

export const burst: Measurement = {
  id: 'burst',
  rows: [
    {
      number: 9,
      title: `burst of ${SIZE} with ${SIZE} loaded: at loaded level`,
      unit: '%',
      limit: 95,
      aim: 100,
      better: 'higher',
    },
  ],
  limitSeconds: 40,
  async measure(turn) {
    const server = await turn.server(STOCKED);
    await server.deploy('burst', ECHO, { standby: SIZE });
    const request = callOf('burst');
    const pool = new ConnectionPool(server.port);
    turn.atEnd(() => pool.close());
    turn.bench.loadedMs ??= await singleMs();
    const single = turn.bench.loadedMs;
    const loaded: number[] = [];
    const all: number[] = [];
    const bursts = turn.pick(6, 3);
    for (let count = 0; count < bursts; count += 1) {
      await server.quiet({ loaded: SIZE, stableMs: 300 });
      await pool.open(SIZE);
      const answers = await Promise.all(Array.from({ length: SIZE }, () => pool.call(request)));
      for (const answer of answers) {
        all.push(assertEcho(answer).ms);
        if (startOf(answer) === 'loaded') loaded.push(answer.ms);
      }
    }
    await server.undeploy('burst');
    const atLevel = loaded.filter((ms) => ms <= LEVEL * single).length;
    return [
      {
        value: (100 * atLevel) / all.length,
        n: all.length,
        figures: {
          'call ms': summary(all),
          'share loaded %': (100 * loaded.length) / all.length,
          'single loaded p50 ms': single,
        },
        note: `${bursts} bursts; loaded level: start "loaded" within ${LEVEL} × the p50 of single loaded hits`,
      },
    ];

    /** When the row of single hits was left out. */
    async function singleMs(): Promise<number> {
      const samples: number[] = [];
      await server.quiet({ loaded: SIZE, stableMs: 300 });
      for (let call = 0; call < SINGLES; call += 1) {
        const answer = assertEcho(await pool.call(request));
        if (startOf(answer) === 'loaded') samples.push(answer.ms);
      }
      return median(samples);
    }
  },
};

/** Owns the row of the first calls ever of a function when several come at once, right after its deploy. */
import { assertEcho, callOf, ECHO } from '../functions-under-test.js';
import { ConnectionPool, startOf } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { median, summary } from '../statistics.js';

const SIZE = 8;

export const firstBurst: Measurement = {
  id: 'first-burst',
  rows: [
    {
      number: 14,
      title: `p50 of ${SIZE} first calls at once, right after a deploy / a single first call's`,
      unit: '',
      limit: 5,
      aim: 3,
      better: 'lower',
    },
  ],
  limitSeconds: 60,
  async measure(turn) {
    // With the server's own numbers: the row is about what somebody gets who sets nothing.
    const server = await turn.server();
    const pool = new ConnectionPool(server.port);
    turn.atEnd(() => pool.close());
    const singles: number[] = [];
    const together: number[] = [];
    const starts = new Map<string, number>();
    const rounds = turn.pick(8, 3);
    for (let round = 0; round < rounds; round += 1) {
      await server.quiet({ standby: 1, stableMs: 300 });
      // Standby 0: what the load check leaves behind is not kept, so a single first call finds an empty container, too.
      await server.deploy('single', ECHO, { standby: 0 });
      await server.quiet({ standby: 1, stableMs: 300 });
      await pool.open(1);
      singles.push(assertEcho(await pool.call(callOf('single'))).ms);
      await server.undeploy('single');

      await server.quiet({ standby: 1, stableMs: 300 });
      await pool.open(SIZE);
      await server.deploy('burst', ECHO);
      const request = callOf('burst');
      const answers = await Promise.all(Array.from({ length: SIZE }, () => pool.call(request)));
      for (const answer of answers) {
        together.push(assertEcho(answer).ms);
        const start = startOf(answer) ?? 'none';
        starts.set(start, (starts.get(start) ?? 0) + 1);
      }
      await server.undeploy('burst');
    }
    return [
      {
        value: median(together) / median(singles),
        n: together.length,
        figures: {
          'single ms': summary(singles),
          'at once ms': summary(together),
          ...Object.fromEntries(
            [...starts].map(([start, count]) => [`${start} %`, (100 * count) / together.length]),
          ),
        },
        note: `${rounds} deploys`,
      },
    ];
  },
};

/** Owns the rows of ten times more calls than containers can be made for: what is still answered, and how the rest is refused. */
import { callOf, ECHO } from '../functions-under-test.js';
import { ConnectionPool } from '../http-connection.js';
import { openLoop } from '../load.js';
import type { Measurement } from '../measurement.js';
import { rssMb } from '../process-figures.js';
import { quantile, summary, type Summary } from '../statistics.js';
import { rate } from './rate.js';

const TIMES = 10;
const QUEUE_TIMEOUT_MS = 5_000;
const REFUSAL_LIMIT_MS = 50;

export const overload: Measurement = {
  id: 'overload',
  rows: [
    {
      number: 10,
      title: `refusal p99 at ${TIMES}× capacity`,
      unit: 'ms',
      limit: REFUSAL_LIMIT_MS,
      aim: null,
      better: 'lower',
    },
    {
      number: 10,
      title: 'neither answered nor refused with Retry-After, calls',
      unit: '',
      limit: 0,
      aim: null,
      better: 'lower',
    },
    {
      number: 10,
      title: 'answered/s / full container rate',
      unit: '',
      limit: null,
      aim: null,
      better: 'higher',
    },
    { number: 10, title: 'server RSS after / before', unit: '', limit: null, aim: null, better: 'lower' },
  ],
  limitSeconds: 75,
  async measure(turn) {
    if (turn.bench.rate === null) await rate.measure(turn);
    const capacity = turn.bench.rate!;
    const seconds = turn.pick(30, 10);
    const server = await turn.server({ GLAMBDAR_QUEUE_TIMEOUT_MS: String(QUEUE_TIMEOUT_MS) });
    await server.deploy('overload', ECHO);
    const pool = new ConnectionPool(server.port);
    turn.atEnd(() => pool.close());
    const request = callOf('overload');
    for (let call = 0; call < 3; call += 1) await pool.call(request);
    await server.quiet();
    const before = rssMb(server.pid);
    const answered: number[] = [];
    const refused: number[] = [];
    const wrong = new Map<string, number>();
    const note = (what: string): void => void wrong.set(what, (wrong.get(what) ?? 0) + 1);
    const rss: number[] = [];
    const sampling = setInterval(() => rss.push(rssMb(server.pid)), 1_000);
    turn.atEnd(() => clearInterval(sampling));
    const began = performance.now();
    let lastAnswer = began;
    const { calls, lateMs } = await openLoop(
      { rate: TIMES * capacity, seconds, signal: turn.signal },
      async () => {
        try {
          const { status, head, ms } = await pool.call(request);
          if (status === 200) {
            answered.push(ms);
            lastAnswer = performance.now();
          } else if (status === 503 && /\r\nretry-after: *\d/i.test(head)) refused.push(ms);
          else note(`status ${status}`);
        } catch (error) {
          note((error as Error).message);
        }
      },
    );
    const tookSeconds = (lastAnswer - began) / 1000;
    clearInterval(sampling);
    await server.quiet({ limitMs: 30_000 });
    const after = rssMb(server.pid);
    await server.undeploy('overload');
    const refusals: Record<string, Summary | number> =
      refused.length === 0
        ? {}
        : {
            'refusal ms': summary(refused),
            [`refusals within ${REFUSAL_LIMIT_MS} ms %`]:
              (100 * refused.filter((ms) => ms <= REFUSAL_LIMIT_MS).length) / refused.length,
          };
    const lost = [...wrong.values()].reduce((sum, count) => sum + count, 0);
    return [
      {
        value: refused.length === 0 ? 0 : quantile(refused, 0.99),
        n: refused.length,
        figures: {
          ...refusals,
          'refused with 503 and Retry-After %': (100 * refused.length) / calls,
          'offered/s': calls / seconds,
          'timer late by at most ms': lateMs,
        },
      },
      {
        value: lost,
        n: calls,
        figures: {},
        ...(lost > 0 ? { note: [...wrong].map(([what, count]) => `${count} × ${what}`).join('; ') } : {}),
      },
      {
        value: answered.length / tookSeconds / capacity,
        n: answered.length,
        figures: {
          'answered/s': answered.length / tookSeconds,
          'full rate/s': capacity,
          ...(answered.length > 0 ? { 'answer ms': summary(answered) } : {}),
        },
        note: 'until the last answer, which is after the last arrival',
      },
      {
        value: after / before,
        n: 1,
        figures: {
          'before MiB': before,
          'after MiB': after,
          ...(rss.length > 0 ? { 'during MiB': summary(rss) } : {}),
        },
      },
    ];
  },
};

/**
 * Owns the row of what callers of two functions notice while a third one is flooded. Alone is measured
 * before the flood and after it, so that a slower minute of the machine is in both.
 * The flood's callers call again as soon as they have an answer, and when they are refused after the time they are told:
 * thousands of refusals a second would be a measurement of something else.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { assertEcho, callOf, ECHO } from '../functions-under-test.js';
import { ConnectionPool, startOf, timesOf, type Answer, type ServerTimes } from '../http-connection.js';
import { closedLoop, openLoop } from '../load.js';
import type { Measurement } from '../measurement.js';
import { summary, type Summary } from '../statistics.js';

const FLOODERS = 64;
/** The others. Each is called clearly less often than its share of the container rate allows, which is a third. */
const STEADY = ['steady-a', 'steady-b'];
const RATE = 2;
/** Fewer samples than this have no 99th percentile but their largest. */
const ENOUGH = 100;
/** The figures explain so many of the slowest. */
const SLOWEST = 5;

interface Sample {
  ms: number;
  /** How it found its container. */
  start: string | null;
  times: ServerTimes;
}

const sampleOf = (answer: Answer): Sample => ({
  ms: answer.ms,
  start: startOf(answer),
  times: timesOf(answer),
});

/** Latencies, how many found a loaded container, and where the time of the slowest went. */
function figuresOf(name: string, samples: Sample[]): Record<string, Summary | number> {
  const slowest = samples.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST);
  const mean = (of: (sample: Sample) => number): number =>
    slowest.reduce((sum, sample) => sum + of(sample), 0) / slowest.length;
  const loaded = samples.filter(({ start }) => start === 'loaded').length;
  return {
    [`${name} ms`]: summary(samples.map(({ ms }) => ms)),
    [`loaded ${name} %`]: (100 * loaded) / samples.length,
    [`slowest ${slowest.length} ${name}: ms`]: mean(({ ms }) => ms),
    [`before the container ${name}`]: mean(({ times }) => times.queue + times.start + times.load),
    [`to the container and back ${name}`]: mean(({ times }) => times.run),
  };
}

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
  limitSeconds: 90,
  async measure(turn) {
    const server = await turn.server();
    for (const name of STEADY) await server.deploy(name, ECHO);
    await server.deploy('flooded', ECHO);
    const requests = STEADY.map(callOf);
    const floodRequest = callOf('flooded');
    const pool = new ConnectionPool(server.port);
    turn.atEnd(() => pool.close());
    const seconds = turn.pick(25.6, 10);
    let failed = 0;
    const steady = async (into: Sample[], during: number): Promise<void> => {
      const rate = RATE * STEADY.length;
      await openLoop({ rate, seconds: during, signal: turn.signal }, async (index) => {
        try {
          into.push(sampleOf(assertEcho(await pool.call(requests[index % requests.length]!))));
        } catch {
          failed += 1;
        }
      });
    };
    let floods = 0;
    let refusals = 0;
    const besideFlood = async (into: Sample[]): Promise<void> => {
      const floodPool = new ConnectionPool(server.port);
      turn.atEnd(() => floodPool.close());
      const ended = new AbortController();
      const callers = { callers: FLOODERS, seconds: Infinity, signal: turn.signal };
      const flooding = closedLoop(callers, async () => {
        try {
          const { status, head } = await floodPool.call(floodRequest);
          if (status === 200) floods += 1;
          else {
            refusals += 1;
            await sleep(1000 * Number(/\r\nretry-after: *(\d+)/i.exec(head)![1]), undefined, {
              signal: ended.signal,
            });
          }
        } catch (error) {
          if (!ended.signal.aborted) throw error;
        }
        return !ended.signal.aborted;
      });
      // Its callers go away at the end, instead of being waited for.
      await steady(into, seconds).finally(() => {
        ended.abort();
        floodPool.close();
      });
      await flooding;
    };
    const alone: Sample[] = [];
    const beside: Sample[] = [];
    // In use, so that the server has seen what it needs.
    await steady([], 2);
    await steady(alone, seconds / 2);
    const made = await server.metric('glambdar_instances_created_total');
    await besideFlood(beside);
    const madeBeside = (await server.metric('glambdar_instances_created_total')) - made;
    // What the flood leaves ready is not there either.
    await server.undeploy('flooded');
    await server.quiet({ stableMs: 200, limitMs: 30_000 });
    await steady(alone, seconds / 2);
    await server.undeploy(...STEADY);
    const n = Math.min(alone.length, beside.length);
    const [atBest, atWorst] = [alone, beside].map((samples) => summary(samples.map(({ ms }) => ms))) as [
      Summary,
      Summary,
    ];
    return [
      {
        value: atWorst.p99 / atBest.p99,
        n,
        figures: {
          ...figuresOf('alone', alone),
          ...figuresOf('beside', beside),
          'ratio of p50s': atWorst.p50 / atBest.p50,
          'flood calls/s': floods / seconds,
          'flood refusals': refusals,
          'containers made/s': madeBeside / seconds,
          'failed calls': failed,
        },
        ...(n < ENOUGH ? { note: `with ${n} samples each the p99 is the largest` } : {}),
      },
    ];
  },
};

/**
 * Owns one run of the benchmarks: which measurements, in which order, until when; then the table and the file. Ends by
 * itself in less than five minutes and leaves nothing behind, also when it is interrupted.
 *
 *   npm run bench -- [--only=warm,burst] [--quick] [--rate=13] [--omit=GLAMBDAR_STANDBY,…]
 *
 *   --only   measurements by name
 *   --quick  fewer samples; for trying things out, not for telling anybody
 *   --rate   fresh containers per second, for rows that need it, instead of measuring it
 *   --omit   settings that an older build does not know
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.js';
import { verdictOf, type Finding, type Measurement, type Result } from './measurement.js';
import { arrivals } from './measurements/arrivals.js';
import { burst } from './measurements/burst.js';
import { cold } from './measurements/cold.js';
import { firstCall } from './measurements/first-call.js';
import { flood } from './measurements/flood.js';
import { hits } from './measurements/hits.js';
import { leftovers } from './measurements/leftovers.js';
import { memory } from './measurements/memory.js';
import { overload } from './measurements/overload.js';
import { rate } from './measurements/rate.js';
import { throughput } from './measurements/throughput.js';
import { warm } from './measurements/warm.js';
import { loadAverage } from './process-figures.js';
import { table } from './table.js';
import { Turn, Workbench } from './workbench.js';

/** The last measurement has ended by then; ending everything takes some seconds more. */
const DEADLINE_MS = 272_000;

/** Those that want the same server stand together; the last one takes what time is left. */
const measurements: Measurement[] = [
  memory,
  firstCall,
  hits,
  burst,
  warm,
  throughput,
  flood,
  cold,
  rate,
  overload,
  leftovers,
  arrivals,
];

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rate: { type: 'string' },
    omit: { type: 'string', default: '' },
  },
});
const only = options.only?.split(',') ?? measurements.map(({ id }) => id);
const unknown = only.filter((id) => !measurements.some((measurement) => measurement.id === id));
if (unknown.length > 0)
  throw new Error(
    `no measurement is called ${unknown.join(', ')}; there are ${measurements.map(({ id }) => id).join(', ')}`,
  );

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
// Whatever went wrong, what was started is ended first.
process.on('uncaughtException', (error) => interrupted.abort(error));

const began = performance.now();
const bench = await Workbench.open({
  quick: options.quick,
  omit: options.omit.split(','),
  rate: options.rate === undefined ? null : Number(options.rate),
  deadline: began + DEADLINE_MS,
});
const results: Result[] = [];
const seconds = (): number => Math.round((performance.now() - began) / 100) / 10;
try {
  const machine = await describeMachine(bench.engine);
  console.log(
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryMb} MiB · Linux ${machine.kernel} · Docker ${machine.docker} · ` +
      `Node ${machine.node} · ${machine.date}${options.quick ? ' · QUICK' : ''}`,
  );
  for (const measurement of measurements.filter(({ id }) => only.includes(id))) {
    process.stderr.write(`${measurement.id} …`);
    const from = seconds();
    results.push(...(await resultsOf(measurement)));
    process.stderr.write(` ${(seconds() - from).toFixed(1)} s\n`);
  }
  const loadAfter = loadAverage();
  console.log(`\n${table(results)}\n`);
  console.log(
    `${seconds()} s in all; load before ${machine.loadBefore}; value = median (min–max) where not said otherwise`,
  );
  const path = join(
    import.meta.dirname,
    '../..',
    `bench-${machine.date.slice(0, 19).replaceAll(':', '-')}.json`,
  );
  writeFileSync(
    path,
    `${JSON.stringify({ machine: { ...machine, loadAfter }, quick: options.quick, only, omit: options.omit, seconds: seconds(), rows: results.map(asJson) }, null, 2)}\n`,
  );
  console.log(path);
} finally {
  await bench.close();
}
process.exit(results.some(({ finding }) => finding === null) ? 1 : 0);

/** Runs one measurement until it has ended, or its time or ours is over. */
async function resultsOf(measurement: Measurement): Promise<Result[]> {
  const turn = new Turn(bench);
  let findings: Finding[] | null = null;
  let reason: string | null = null;
  try {
    interrupted.signal.throwIfAborted();
    if (bench.secondsLeft() === 0) throw new Error('no time was left');
    findings = await within(
      measurement.measure(turn),
      Math.min(measurement.limitSeconds, bench.secondsLeft()),
    );
  } catch (error) {
    reason = (error as Error).message;
  }
  await turn.end(findings === null);
  return measurement.rows.map((spec, index) => {
    const finding = findings?.[index] ?? null;
    const verdict = finding === null ? 'failed' : verdictOf(spec, finding.value);
    return { id: measurement.id, spec, finding, reason, verdict };
  });
}

/** Rejects when it takes longer, or when the run is interrupted. */
async function within<T>(work: Promise<T>, limitSeconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    const giveUp = (): void => reject(new Error(`given up after ${limitSeconds.toFixed(0)} s`));
    timer = setTimeout(giveUp, limitSeconds * 1000);
    interrupted.signal.addEventListener('abort', () => reject(interrupted.signal.reason as Error), {
      once: true,
    });
  });
  work.catch(() => undefined); // when it was given up nobody waits for it
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}

function asJson({ id, spec, finding, reason, verdict }: Result): object {
  const { number, title, unit, limit, aim, better } = spec;
  return { number, id, title, unit, limit, aim, better, verdict, ...(finding ?? { failed: reason }) };
}

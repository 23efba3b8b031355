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
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, machineText } from './machine.js';
import { verdictOf, type Finding, type Measurement, type Result } from './measurement.js';
import { accounts } from './measurements/accounts.js';
import { arrivals } from './measurements/arrivals.js';
import { burst } from './measurements/burst.js';
import { cliStart } from './measurements/cli-start.js';
import { cold } from './measurements/cold.js';
import { dev } from './measurements/dev.js';
import { execute } from './measurements/execute.js';
import { firstBurst } from './measurements/first-burst.js';
import { firstCall } from './measurements/first-call.js';
import { flood } from './measurements/flood.js';
import { hits } from './measurements/hits.js';
import { install } from './measurements/install.js';
import { images } from './measurements/images.js';
import { leftovers } from './measurements/leftovers.js';
import { memory } from './measurements/memory.js';
import { overload } from './measurements/overload.js';
import { rate } from './measurements/rate.js';
import { throughput } from './measurements/throughput.js';
import { warm } from './measurements/warm.js';
import { loadAverage } from './process-figures.js';
import { table } from './table.js';
import { Turn, Workbench } from './workbench.js';

// The callers are elsewhere in life, so they do not compete with what they call; floors and servers get the same.
goFirst();

/** As the server does. Where this process may not, callers wait for a core like everybody else. */
function goFirst(): void {
  try {
    setPriority(-10);
  } catch {
    // Nothing else depends on it.
  }
}

/** The last measurement has ended by then; ending everything takes some seconds more. */
const DEADLINE_MS = 290_000;

/** Those that want the same server stand together; the last one takes what time is left. */
const measurements: Measurement[] = [
  memory,
  firstCall,
  hits,
  burst,
  firstBurst,
  warm,
  throughput,
  flood,
  cold,
  images,
  execute,
  rate,
  overload,
  leftovers,
  arrivals,
];

/**
 * Run only when they are named: `install` needs the network; `dev` and `cli-start` are no measures of the server alone; few
 * servers have `accounts`.
 */
const onDemand: Measurement[] = [install, dev, accounts, cliStart];

interface Run {
  only: string[];
  quick: boolean;
  rate: number | null;
  omit: string[];
}

const interrupted = new AbortController();
const interruption = new Promise<never>((_, reject) => {
  interrupted.signal.addEventListener('abort', () => reject(interrupted.signal.reason as Error));
});
interruption.catch(() => undefined); // between measurements nobody waits for it

const run = argumentsOrExit();
try {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
  // Whatever went wrong, what was started is ended first.
  process.on('uncaughtException', (error) => interrupted.abort(error));
  process.exit((await measureAll(run)) ? 0 : 1);
} catch (error) {
  console.error(error);
  process.exit(1);
}

/** Ends the process with a sentence when they are wrong. */
function argumentsOrExit(): Run {
  try {
    return readArguments();
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`);
    process.exit(2);
  }
}

/** Throws for a measurement there is not. */
function readArguments(): Run {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      rate: { type: 'string' },
      omit: { type: 'string', default: '' },
    },
  });
  const ids = measurements.map(({ id }) => id);
  const all = [...ids, ...onDemand.map(({ id }) => id)];
  const only = values.only?.split(',') ?? ids;
  const unknown = only.filter((id) => !all.includes(id));
  if (unknown.length > 0)
    throw new Error(`no measurement is called ${unknown.join(', ')}; there are ${all.join(', ')}`);
  const rate = values.rate === undefined ? null : Number(values.rate);
  if (rate !== null && !(rate > 0)) throw new Error('--rate is containers per second');
  return { only, quick: values.quick, rate, omit: values.omit.split(',') };
}

/** @returns whether every row could be measured */
async function measureAll(run: Run): Promise<boolean> {
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 100) / 10;
  const bench = await Workbench.open({ ...run, deadline: began + DEADLINE_MS });
  try {
    const machine = await describeMachine(bench.engine);
    console.log(`${machineText(machine)}${run.quick ? ' · QUICK' : ''}`);
    const results: Result[] = [];
    for (const measurement of [...measurements, ...onDemand].filter(({ id }) => run.only.includes(id))) {
      process.stderr.write(`${measurement.id} … `);
      const from = seconds();
      results.push(...(await resultsOf(measurement, bench)));
      process.stderr.write(`${(seconds() - from).toFixed(1)} s\n`);
    }
    console.log(`\n${table(results)}\n`);
    console.log(`Median (min–max) where not said otherwise. ${seconds()} s in all.`);
    const date = machine.date.slice(0, 19).replaceAll(':', '-');
    const path = join(import.meta.dirname, '../..', `bench-${date}.json`);
    const all = { machine: { ...machine, loadAfter: loadAverage() }, ...run, seconds: seconds() };
    writeFileSync(path, `${JSON.stringify({ ...all, rows: results.map(asJson) }, null, 2)}\n`);
    console.log(path);
    return results.every(({ finding }) => finding !== null);
  } finally {
    await bench.close();
  }
}

/** Runs one measurement until it has ended, or its time or ours is over. */
async function resultsOf(measurement: Measurement, bench: Workbench): Promise<Result[]> {
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
  const late = new Promise<never>((_, reject) => {
    const giveUp = (): void => reject(new Error(`given up after ${limitSeconds.toFixed(0)} s`));
    timer = setTimeout(giveUp, limitSeconds * 1000);
  });
  work.catch(() => undefined); // when it was given up nobody waits for it
  return Promise.race([work, late, interruption]).finally(() => clearTimeout(timer));
}

function asJson({ id, spec, finding, reason, verdict }: Result): object {
  const { number, title, unit, limit, aim, better } = spec;
  return { number, id, title, unit, limit, aim, better, verdict, ...(finding ?? { failed: reason }) };
}

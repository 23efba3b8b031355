import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock, type Clock } from '../../../src/clock.js';
import { DriverError, ImageError, ProgramError } from '../../../src/driver/driver.js';
import { ContextFolders } from '../../../src/images/context-folders.js';
import { ImagePlaces } from '../../../src/images/image-places.js';
import { PinnedImages } from '../../../src/images/pinned-images.js';
import { RunOnceExecutor } from '../../../src/images/run-once-executor.js';
import { UidAllocator } from '../../../src/instance/uid-allocator.js';
import { createLogger } from '../../../src/logger.js';
import type { CallTrace, Execution, ExecutionFailure } from '../../../src/model/call/execution.js';
import type { FunctionRecord } from '../../../src/model/function/function.js';
import type { ImageSource } from '../../../src/model/function/source.js';
import { FakeDriver } from '../../helpers/fake-driver.js';
import { invocation } from '../../helpers/invoker-fixture.js';
import { ManualClock } from '../../helpers/manual-clock.js';
import { until } from '../../helpers/pool-fixture.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';
import { record, settings } from '../store/builders.js';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

/** The program of a container; the test's own uid is the container's, so that nobody has to be root. */
class Fixture {
  readonly driver = new FakeDriver();
  readonly dir: string;
  readonly mounted: string[] = [];
  readonly unmounted: string[] = [];
  mountFailure: Error | null = null;
  readonly places: ImagePlaces;
  readonly folders: ContextFolders;
  readonly executor: RunOnceExecutor;

  constructor(t: ExecutionContext, program: string | null, clock: Clock = systemClock) {
    this.dir = join(temporaryDirectory(t), 'context');
    this.driver.inhabitant = program === null ? 'nobody' : { program };
    const logger = createLogger('silent');
    this.places = new ImagePlaces({
      most: 2,
      mostStarting: 2,
      maxWaiting: 10,
      queueTimeoutMs: 1_000,
      room: () => 2,
      limitsChanged: () => undefined,
      othersStarve: () => false,
      driver: this.driver,
      uids: new UidAllocator(process.getuid!()),
      clock,
    });
    this.folders = new ContextFolders({
      dir: this.dir,
      maxBodyBytes: 1_000,
      mount: async (directory) => {
        if (this.mountFailure) throw this.mountFailure;
        this.mounted.push(directory);
      },
      unmount: async (directory) => {
        this.unmounted.push(directory);
        // What a real unmount takes away.
        if (!existsSync(directory)) return;
        for (const entry of readdirSync(directory)) rmSync(join(directory, entry), { recursive: true });
      },
      logger,
    });
    this.executor = new RunOnceExecutor({
      driver: this.driver,
      images: new PinnedImages(this.driver),
      places: this.places,
      folders: this.folders,
      clock,
      logger,
      startTimeoutMs: 5_000,
      maxResponseBytes: 1_000,
      cancelGraceMs: 100,
    });
    t.teardown(async () => {
      for (const id of this.driver.present) await this.driver.remove(id);
      await this.folders.close();
    });
  }

  call(
    body = '',
    { digest = DIGEST, signal = new AbortController().signal, timeoutMs = 5_000 } = {},
  ): { execution: Promise<Execution>; trace: CallTrace } {
    const source: ImageSource = { type: 'image', image: 'x', digest, ports: [] };
    const base = record('f');
    const called: FunctionRecord = {
      ...base,
      active: { ...base.active, source },
      settings: { ...settings, contract: 'go-serverless', timeoutMs, env: { GREETING: 'hi' } },
    };
    const trace: CallTrace = { start: null, queueMs: 0, startMs: 0, loadMs: 0, runMs: 0 };
    const request = invocation(body);
    const execution = this.executor.execute({
      invocationId: 'call',
      record: called,
      request,
      signal,
      sink: () => undefined,
      trace,
    });
    execution.catch(() => undefined);
    return { execution, trace };
  }

  async failure(call: { execution: Promise<Execution> }): Promise<ExecutionFailure> {
    return call.execution.then(
      () => Promise.reject(new Error('the call was answered')),
      (error: ExecutionFailure) => error,
    );
  }
}

const PROLOGUE =
  "const fs = require('node:fs'); const dir = process.env.CONTEXT_PATH; const answer = (text) => fs.writeFileSync(dir + '/response.json', text);";

test('the answer is what the program has written when it ends, and everything is given back after it', async (t) => {
  const fixture = new Fixture(
    t,
    `${PROLOGUE} console.log('out'); console.error('err'); answer(fs.readFileSync(dir + '/request.json') + process.env.GREETING);`,
  );
  const { execution, trace } = fixture.call('body ');
  const { result, peakMemoryKb, release } = await execution;
  t.like(result, { type: 'response', statusCode: 200, body: Buffer.from('body hi') });
  t.is(peakMemoryKb, null);
  t.is(trace.start, 'cold');
  t.is(fixture.places.taken, 1);
  t.deepEqual(await release(), { stdout: 'out\n', stderr: 'err\n' });
  t.is(fixture.places.taken, 0);
  t.deepEqual(fixture.driver.present, []);
  const [spec] = fixture.driver.started;
  t.like(spec, {
    command: null,
    workingDir: null,
    network: 'none',
    image: { type: 'pinned', digest: DIGEST },
  });
  t.regex(spec!.env['REQUEST_ID']!, /^[0-9a-f-]{36}$/);
  t.is(spec!.env['CONTEXT_PATH'], `/tmp/context/${spec!.env['REQUEST_ID']}`);
  t.deepEqual(
    spec!.mounts.map(({ target, readOnly }) => [target, readOnly]),
    [[spec!.env['CONTEXT_PATH'], false]],
  );
});

test('a file system is used again when only the two files were in it, else it is unmounted', async (t) => {
  const fixture = new Fixture(
    t,
    `${PROLOGUE} if (fs.readFileSync(dir + '/request.json', 'utf8') === 'more') fs.mkdirSync(dir + '/more'); answer('1');`,
  );
  for (const body of ['', 'more', '']) await (await fixture.call(body).execution).release();
  t.is(fixture.mounted.length, 2);
  t.deepEqual(fixture.unmounted, [fixture.mounted[0]]);
  await fixture.folders.close();
  t.deepEqual(fixture.unmounted, fixture.mounted);
  t.false(existsSync(fixture.dir));
});

test('an exit code other than 0 is a crash unless an answer was written', async (t) => {
  const fixture = new Fixture(
    t,
    `${PROLOGUE} if (fs.readFileSync(dir + '/request.json', 'utf8') === 'answer') answer('{}'); console.error('why'); process.exit(3);`,
  );
  const failure = await fixture.failure(fixture.call());
  t.like(failure.reason, { type: 'ended', exit: { exitCode: 3 }, stderr: 'why\n' });
  t.deepEqual(await failure.output, { stdout: '', stderr: 'why\n' });
  const { result, release } = await fixture.call('answer').execution;
  t.like(result, { type: 'response', body: Buffer.from('{}') });
  await release();
  await until(() => fixture.places.taken === 0);
});

test('a program without an answer that ends well answers with the prefilled one', async (t) => {
  const fixture = new Fixture(t, ';');
  const { result, release } = await fixture.call().execution;
  t.like(result, { body: Buffer.from('{}') });
  await release();
});

test('an answer that is too large or no file is an error of the function', async (t) => {
  const fixture = new Fixture(
    t,
    `${PROLOGUE} const how = fs.readFileSync(dir + '/request.json', 'utf8'); if (how === 'large') answer('x'.repeat(1001)); else { fs.rmSync(dir + '/response.json'); fs.symlinkSync('/etc/passwd', dir + '/response.json'); }`,
  );
  for (const [how, kind] of [
    ['large', 'response-too-large'],
    ['link', 'bad-response'],
  ] as const) {
    const { result, release } = await fixture.call(how).execution;
    t.like(result, { type: 'error', kind });
    await release();
  }
});

test('a container that does not end in time is killed at once, and its output is kept', async (t) => {
  const clock = new ManualClock();
  const fixture = new Fixture(t, null, clock);
  const call = fixture.call('', { timeoutMs: 700 });
  await until(() => fixture.driver.present.length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  clock.move(699);
  t.is(fixture.driver.removed.length, 0);
  clock.move(1);
  const failure = await fixture.failure(call);
  t.deepEqual(failure.reason, { type: 'timeout' });
  await failure.output;
  t.is(fixture.driver.removedUrgently.length, 1);
  t.is(call.trace.runMs, 700);
  await until(() => fixture.places.taken === 0);
});

test('a call whose caller has gone is ended after the grace', async (t) => {
  const clock = new ManualClock();
  const fixture = new Fixture(t, null, clock);
  const gone = new AbortController();
  const call = fixture.call('', { signal: gone.signal });
  await until(() => fixture.driver.present.length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  gone.abort();
  clock.move(99);
  t.is(fixture.driver.removed.length, 0);
  clock.move(1);
  t.deepEqual((await fixture.failure(call)).reason, { type: 'cancelled' });
  await until(() => fixture.driver.present.length === 0);
});

test('a start that takes too long is given up, and its file system is not used again', async (t) => {
  const clock = new ManualClock();
  const fixture = new Fixture(t, null, clock);
  fixture.driver.gate = new Promise(() => undefined);
  const call = fixture.call();
  await until(() => fixture.driver.started.length === 1);
  clock.move(5_000);
  const { reason } = await fixture.failure(call);
  t.like(reason, { type: 'refused', error: { code: 'DRIVER_UNAVAILABLE' } });
  await until(() => fixture.unmounted.length === 1);
  t.is(fixture.places.taken, 0);
});

test('why a container could not be started is told by the code', async (t) => {
  const rows: [error: Error, code: string][] = [
    [new DriverError('unavailable', 'gone'), 'DRIVER_UNAVAILABLE'],
    [new DriverError('failed', 'odd'), 'DRIVER_UNAVAILABLE'],
    [new ImageError('not-found', 'gone'), 'CODE_UNAVAILABLE'],
  ];
  for (const [error, code] of rows) {
    const fixture = new Fixture(t, ';');
    fixture.driver.failures.push(error);
    t.like((await fixture.failure(fixture.call())).reason, { type: 'refused', error: { code } });
    await until(() => fixture.places.taken === 0);
  }
});

test('a function that was registered without an image is refused', async (t) => {
  const fixture = new Fixture(t, ';');
  const call = fixture.call('', { digest: null as never });
  t.like((await fixture.failure(call)).reason, { type: 'refused', error: { code: 'CODE_UNAVAILABLE' } });
  t.is(fixture.driver.started.length, 0);
  await until(() => fixture.places.taken === 0);
});

test('a server that may not mount says so', async (t) => {
  const fixture = new Fixture(t, ';');
  mkdirSync(fixture.dir, { recursive: true });
  fixture.mountFailure = new Error('mount: only root can do that');
  const { reason } = await fixture.failure(fixture.call());
  t.like(reason, { type: 'refused', error: { code: 'DRIVER_UNAVAILABLE' } });
  t.regex((reason as { error: Error }).error.message, /Run this server as root/);
  t.deepEqual(readdirSync(fixture.dir), []);
  t.is(fixture.places.taken, 0);
});

test('a program that cannot be run is a crash of the function, not a fault of the platform', async (t) => {
  const fixture = new Fixture(t, ';');
  fixture.driver.failures.push(new ProgramError('no such file'));
  t.like((await fixture.failure(fixture.call())).reason, { type: 'ended', exit: undefined });
  await until(() => fixture.places.taken === 0);
});

test('a call gets a new file system when the one of an earlier call was removed', async (t) => {
  const fixture = new Fixture(t, ';');
  await (await fixture.call().execution).release();
  rmSync(fixture.dir, { recursive: true });
  const { result, release } = await fixture.call().execution;
  t.like(result, { type: 'response' });
  await release();
  t.is(fixture.mounted.length, 2);
});

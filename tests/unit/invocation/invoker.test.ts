import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { DriverError } from '../../../src/driver/driver.js';
import { GlambdarError, type ErrorCode } from '../../../src/errors.js';
import type { AdmittedCall } from '../../../src/invocation/invocation.js';
import type { CallRecord, Outcome } from '../../../src/model/call/call.js';
import { StoreError } from '../../../src/model/store-error.js';
import {
  InvokerFixture,
  evaluator,
  invocation,
  type InvokerFixtureOptions,
} from '../../helpers/invoker-fixture.js';
import { ManualClock } from '../../helpers/manual-clock.js';
import { until } from '../../helpers/pool-fixture.js';
import { noAccounts, response, type Peer } from '../../helpers/scripted-worker.js';
import type { FailureKind, InvokeMessage, WorkerMessage } from '../../../worker/node/protocol.cjs';

const error = { name: 'TypeError', message: 'no luck', stack: 'TypeError: no luck\n    at index.js:3:1' };

function failed(id: string, kind: FailureKind): WorkerMessage {
  return { type: 'error', id, kind, error, ...noAccounts };
}

/** How one call ends: what its caller gets and what is on record. */
async function ends(
  t: Parameters<typeof InvokerFixture.create>[0],
  options: InvokerFixtureOptions,
  prepare: (fixture: InvokerFixture) => void = () => undefined,
): Promise<{ error: GlambdarError; record: CallRecord; fixture: InvokerFixture }> {
  const fixture = await InvokerFixture.create(t, options);
  prepare(fixture);
  const thrown = await t.throwsAsync(fixture.call(), { instanceOf: GlambdarError });
  return { error: thrown, record: await fixture.record('call-1'), fixture };
}

test('a call answers with what the function answered and its times', async (t) => {
  const fixture = await InvokerFixture.create(t, { source: evaluator });
  const request = invocation(
    "return { statusCode: 201, headers: { 'X-A': ['b', req.headers['x-c']] }, body: req.path + req.query.q };",
    {
      path: '/p',
      query: 'q=1',
      headers: [['x-c', 'd']],
    },
  );
  const answer = await (await fixture.admitAs('my-id')).run(request, new AbortController().signal);
  t.like(answer, { statusCode: 201, version: 1, start: 'cold' });
  t.deepEqual(answer.headers, [
    ['X-A', 'b'],
    ['X-A', 'd'],
    ['content-type', 'application/json; charset=utf-8'],
  ]);
  t.is(answer.body.toString(), '"/p1"');
  t.true(answer.times.runMs > 0 && answer.times.startMs > 0);
  const record = await fixture.record('my-id');
  t.like(record, {
    id: 'my-id',
    funcName: 'f',
    version: 1,
    status: 201,
    outcome: 'ok',
    start: 'cold',
    error: null,
    ...answer.times,
  });
  t.true(record.durationMs >= record.runMs + record.startMs);
  t.true(record.peakMemoryMb! > 10);
  t.is(fixture.finished.length, 1);
  t.deepEqual(fixture.registry.counters(fixture.id), {
    invokeCount: 1,
    errorCount: 0,
    lastInvokedAt: record.invokedAt,
  });
});

test('the answer is handed out before the rest is done, and what is asked next finds that done', async (t) => {
  const fixture = await InvokerFixture.create(t, { source: evaluator });
  const given: unknown[] = [];
  let finished = -1;
  const admission = await fixture.admitAs('my-id');
  const answer = await admission.run(
    invocation('return { body: 1 };'),
    new AbortController().signal,
    (response) => {
      given.push(response);
      finished = fixture.finished.length;
    },
  );
  t.deepEqual(given, [answer]);
  t.is(finished, 0);
  t.is(fixture.finished.length, 1);
  t.is(fixture.recorder.find('my-id')?.status, 200);
});

test('a failure is handed out by rejecting only', async (t) => {
  const fixture = await InvokerFixture.create(t, { source: evaluator });
  const given: unknown[] = [];
  const run = fixture
    .admit()
    .run(invocation('throw new Error("no");'), new AbortController().signal, (response) =>
      given.push(response),
    );
  await t.throwsAsync(run);
  t.deepEqual(given, []);
});

test('what a function prints past the console and while it loads is on record', async (t) => {
  const fixture = await InvokerFixture.create(t, { source: `console.log('loading');\n${evaluator}` });
  await fixture.call(
    "console.log('calling'); require('fs').writeSync(1, 'past it'); require('fs').writeSync(2, 'and here'); return { body: 1 };",
  );
  const record = await fixture.record('call-1');
  t.is(record.stdout, 'loading\ncalling\npast it');
  t.is(record.stderr, 'and here');
});

const outcomes: [
  what: string,
  answer: (id: string, peer: Peer) => void,
  status: number,
  code: ErrorCode,
  outcome: Outcome,
  message: RegExp,
][] = [
  [
    'throws',
    (id, { send }) => send(failed(id, 'function')),
    500,
    'FUNCTION_ERROR',
    'function_error',
    /^no luck$/,
  ],
  [
    'throws where nobody catches',
    (id, { send }) => send(failed(id, 'uncaught')),
    500,
    'FUNCTION_ERROR',
    'function_error',
    /^no luck$/,
  ],
  [
    'can never settle',
    (id, { send }) => send(failed(id, 'unsettled')),
    500,
    'FUNCTION_ERROR',
    'function_error',
    /^The function never answered: no luck$/,
  ],
  [
    'answers nonsense',
    (id, { send }) => send(failed(id, 'bad-response')),
    502,
    'BAD_RESPONSE',
    'function_error',
    /^no luck$/,
  ],
  [
    'answers too much',
    (id, { send }) => send(failed(id, 'response-too-large')),
    502,
    'RESPONSE_TOO_LARGE',
    'function_error',
    /^no luck$/,
  ],
  [
    'answers a bad status',
    (id, { send }) => send(response(id, 199)),
    502,
    'BAD_RESPONSE',
    'function_error',
    /statusCode is 199/,
  ],
  [
    'answers a bad header',
    (id, { send }) => send({ ...response(id), headers: [['a', 'b\r\nc: d']] } as WorkerMessage),
    502,
    'BAD_RESPONSE',
    'function_error',
    /the value of the header "a"/,
  ],
  [
    'hangs up',
    (_id, { socket }) => socket.destroy(),
    502,
    'INSTANCE_CRASHED',
    'crash',
    /ended before it answered: the worker closed its connection\.$/,
  ],
  [
    'breaks the protocol',
    (_id, { send }) => send(response('other')),
    502,
    'INSTANCE_CRASHED',
    'crash',
    /the worker broke the protocol/,
  ],
];

for (const [what, answer, status, code, outcome, message] of outcomes)
  test(`a function that ${what} ends its call with ${code}`, async (t) => {
    const {
      error: thrown,
      record,
      fixture,
    } = await ends(t, { script: { invoke: ({ id }, peer) => answer(id, peer) } });
    t.like(thrown, { status, code });
    t.regex(thrown.message, message);
    t.like(record, { status, outcome, start: 'cold', error: { code, message: thrown.message } });
    t.is(
      record.error?.stack,
      ['throws', 'throws where nobody catches'].includes(what) ? error.stack : undefined,
    );
    t.like(fixture.registry.counters(fixture.id), { invokeCount: 1, errorCount: 1 });
    await fixture.pools.empty();
  });

const crashes: [
  what: string,
  code: string,
  oomKilled: boolean,
  expected: ErrorCode,
  message: RegExp,
  details: object,
][] = [
  [
    'exits',
    'process.exit(3)',
    false,
    'INSTANCE_CRASHED',
    /it ended with exit code 3\. Did it call process\.exit\? [^.]*\.$/,
    { exitCode: 3 },
  ],
  [
    'is killed',
    'process.kill(process.pid, 9); await new Promise((r) => setTimeout(r, 9e4))',
    false,
    'INSTANCE_CRASHED',
    /it was ended by SIGKILL\.$/,
    { exitCode: 137 },
  ],
  [
    'is killed for memory',
    'process.kill(process.pid, 9); await new Promise((r) => setTimeout(r, 9e4))',
    true,
    'OUT_OF_MEMORY',
    /more than its limit of 128 MB/,
    { limitMb: 128, peakMb: 128 },
  ],
  [
    'fills the heap of V8',
    "process._rawDebug('FATAL ERROR: JavaScript heap out of memory'); process.kill(process.pid, 'SIGABRT'); await new Promise((r) => setTimeout(r, 9e4))",
    false,
    'OUT_OF_MEMORY',
    /more than its limit/,
    { limitMb: 128, peakMb: 128 },
  ],
];

for (const [what, code, oomKilled, expected, message, details] of crashes)
  test(`a function whose process ${what} ends its call with ${expected}`, async (t) => {
    const fixture = await InvokerFixture.create(t, { source: evaluator });
    fixture.pools.driver.oomKilled = oomKilled;
    const thrown = await t.throwsAsync(fixture.call(`console.log('before'); ${code}`), {
      instanceOf: GlambdarError,
    });
    t.like(thrown, { status: 502, code: expected, details });
    t.regex(thrown.message, message);
    const record = await fixture.record('call-1');
    t.like(record, {
      status: 502,
      outcome: expected === 'OUT_OF_MEMORY' ? 'oom' : 'crash',
      stdout: 'before\n',
    });
    await fixture.pools.empty();
  });

test('an answer counts when a child of the function was killed for memory', async (t) => {
  const fixture = await InvokerFixture.create(t, { source: evaluator });
  fixture.pools.driver.oomKilled = true;
  t.is((await fixture.call('return { body: 1 };')).statusCode, 200);
  t.is((await fixture.record('call-1')).outcome, 'ok');
});

test('a function that takes longer than its timeout is killed', async (t) => {
  const {
    error: thrown,
    record,
    fixture,
  } = await ends(t, {
    settings: { timeoutMs: 500 },
    script: {
      invoke: ({ id }, { send }) => send({ type: 'log', id, stream: 'stdout' }, Buffer.from('so far')),
    },
  });
  t.like(thrown, {
    status: 504,
    code: 'INVOCATION_TIMEOUT',
    message:
      'The function did not answer within its timeoutMs of 500 ms and was ended. ' +
      'Raise timeoutMs, or look for an endless loop, or for an await that nothing ends.',
  });
  t.like(record, { status: 504, outcome: 'timeout', stdout: 'so far' });
  t.true(record.runMs >= 499);
  await fixture.pools.empty();
});

test('code that does not load fails its call with file and line; its stack is on record', async (t) => {
  const {
    error: thrown,
    record,
    fixture,
  } = await ends(t, { source: "\nthrow new RangeError('while loading');" });
  t.like(thrown, {
    status: 500,
    code: 'LOAD_FAILED',
    message: 'The function does not load: RangeError: while loading (index.js:2)',
  });
  t.deepEqual(thrown.details, { file: 'index.js', line: 2 });
  t.like(record, { status: 500, outcome: 'function_error', start: null });
  t.regex(record.error?.stack ?? '', /at Object.<anonymous> \(index\.js:2:7\)/);
  await fixture.pools.empty();
});

test('what code printed before its load failed is on record', async (t) => {
  const printing = "console.log('so far'); console.error('why');";
  for (const end of ["throw new Error('x');", 'process.exit(4);'])
    t.like((await ends(t, { source: printing + end })).record, { stdout: 'so far\n', stderr: 'why\n' }, end);
});

test('a process that dies while it loads ends its call as a crash', async (t) => {
  const { error: thrown, record } = await ends(t, { source: 'process.exit(4);' });
  t.like(thrown, { status: 502, code: 'INSTANCE_CRASHED', details: { exitCode: 4 } });
  t.like(record, { outcome: 'crash', start: null });
});

test('a container that cannot be started ends the call as an error of the platform', async (t) => {
  const {
    error: thrown,
    record,
    fixture,
  } = await ends(t, {}, ({ pools }) => {
    pools.driver.failures = [new DriverError('failed', 'secret'), new DriverError('failed', 'secret')];
  });
  t.like(thrown, { status: 503, code: 'DRIVER_UNAVAILABLE', retryAfterSeconds: 1 });
  t.notRegex(thrown.message, /secret/);
  t.like(record, { status: 503, outcome: 'platform_error', start: null, peakMemoryMb: null });
  t.like(fixture.registry.counters(fixture.id), { invokeCount: 1, errorCount: 1 });
});

test('code that was altered on disk is not run', async (t) => {
  const { error: thrown, record } = await ends(t, { source: evaluator }, ({ functionsDir }) => {
    writeFileSync(join(functionsDir, 'f/1/index.js'), `${evaluator}//`);
  });
  t.like(thrown, { status: 503, code: 'CODE_UNAVAILABLE' });
  t.notRegex(thrown.message, /\/tmp/);
  t.is(record.outcome, 'platform_error');
});

test('an error of our own gives nothing away', async (t) => {
  const { error: thrown, record } = await ends(t, {}, ({ registry }) => {
    registry.copyCode = () => Promise.resolve(); // no tree: the rename fails
  });
  t.like(thrown, {
    status: 500,
    code: 'INTERNAL',
    message: 'The server failed to run this call; its log has the reason.',
  });
  t.is(record.outcome, 'platform_error');
});

test('a stopping server ends a call under way with STOPPING', async (t) => {
  const fixture = await InvokerFixture.create(t, { script: { invoke: () => undefined } });
  const calling = t.throwsAsync(fixture.call(), { instanceOf: GlambdarError });
  await until(() => fixture.pools.pool.counts().busy === 1);
  await fixture.pools.pool.destroy();
  t.like(await calling, { status: 503, code: 'STOPPING' });
  t.like(await fixture.record('call-1'), { status: 503, outcome: 'platform_error' });
  t.throws(() => fixture.admit(), { code: 'STOPPING' } as never);
});

test('a caller that goes aborts the signal, then the grace ends the call', async (t) => {
  const gone = new AbortController();
  const sent: string[] = [];
  const cancelled: string[] = [];
  const fixture = await InvokerFixture.create(t, {
    script: {
      invoke: ({ id }) => {
        sent.push(id);
        gone.abort();
      },
      cancel: (id) => cancelled.push(id),
    },
  });
  await t.throwsAsync(fixture.call('', {}, gone.signal), { code: 'CANCELLED' } as never);
  t.is(sent.length, 1);
  t.deepEqual(cancelled, sent);
  t.like(await fixture.record('call-1'), { status: 499, outcome: 'cancelled', error: { code: 'CANCELLED' } });
  t.like(fixture.registry.counters(fixture.id), { invokeCount: 1, errorCount: 0 });
  await fixture.pools.empty();
});

test('a call that is ended because the server stops is told so at once, and is not its caller’s fault', async (t) => {
  const stop = new AbortController();
  const fixture = await InvokerFixture.create(t, {
    script: { invoke: () => stop.abort(new GlambdarError('STOPPING', 'stopped')) },
    executor: { cancelGraceMs: 3_600_000 },
  });
  await t.throwsAsync(fixture.call('', {}, stop.signal), { code: 'STOPPING' } as never);
  t.like(await fixture.record('call-1'), {
    status: 503,
    outcome: 'platform_error',
    error: { code: 'STOPPING' },
  });
  await fixture.pools.empty();
});

test('a function sees that its caller has gone', async (t) => {
  const gone = new AbortController();
  const fixture = await InvokerFixture.create(t, { source: evaluator, executor: { cancelGraceMs: 30_000 } });
  const calling = fixture.call(
    "console.log('running'); return new Promise((resolve, reject) => { const alive = setInterval(() => {}, 1000); context.signal.addEventListener('abort', () => { console.log('gone'); clearInterval(alive); reject(context.signal.reason); }); });",
    {},
    gone.signal,
  );
  await until(() => fixture.pools.pool.counts().busy === 1);
  gone.abort();
  await t.throwsAsync(calling, { code: 'CANCELLED' } as never);
  t.like(await fixture.record('call-1'), { outcome: 'cancelled', status: 499, stdout: 'running\ngone\n' });
});

test('a caller that has gone before a container was found leaves a record and no container', async (t) => {
  const fixture = await InvokerFixture.create(t);
  const gone = AbortSignal.abort();
  await t.throwsAsync(fixture.call('', {}, gone), { code: 'CANCELLED' } as never);
  t.like(await fixture.record('call-1'), { outcome: 'cancelled', start: null });
  t.is(fixture.pools.driver.started.length, 0);
});

test('a fresh container serves every call when calls are isolated', async (t) => {
  const fixture = await InvokerFixture.create(t);
  for (const _ of [1, 2, 3]) t.is((await fixture.call()).start, 'cold');
  t.is(fixture.pools.driver.started.length, 3);
  await fixture.pools.empty();
});

test('containers are reused after answers and errors when functions are isolated', async (t) => {
  const answers: ((message: InvokeMessage) => WorkerMessage)[] = [
    ({ id }) => response(id),
    ({ id }) => failed(id, 'function'),
    ({ id }) => failed(id, 'bad-response'),
    ({ id }) => failed(id, 'uncaught'),
    ({ id }) => response(id),
  ];
  const fixture = await InvokerFixture.create(t, {
    settings: { isolation: 'function' },
    script: { invoke: (message, { send }) => send(answers.shift()!(message)) },
  });
  const starts: unknown[] = [];
  for (let count = answers.length; count > 0; count -= 1) {
    await fixture.call().catch(() => undefined);
    starts.push(fixture.finished.at(-1)?.start);
  }
  t.deepEqual(starts, ['cold', 'warm', 'warm', 'warm', 'cold'], 'not after an error nobody caught');
});

test('a container of a version that was deleted during its call is not kept', async (t) => {
  let answer!: () => void;
  const fixture = await InvokerFixture.create(t, {
    settings: { isolation: 'function' },
    script: { invoke: ({ id }, { send }) => (answer = () => send(response(id))) },
  });
  const calling = fixture.call();
  await until(() => fixture.pools.pool.counts().busy === 1 && answer !== undefined);
  await fixture.registry.remove(fixture.ref);
  answer();
  t.is((await calling).statusCode, 200);
  await fixture.pools.empty();
  t.throws(() => fixture.admit(), { code: 'FUNCTION_NOT_FOUND' } as never);
});

test('a call is not let in when it cannot be served, and takes nothing', async (t) => {
  const fixture = await InvokerFixture.create(t, { settings: { maxConcurrency: 1 } });
  t.throws(() => fixture.invoker.admit({ namespace: 'default', name: 'nope' }, 'x'), {
    code: 'FUNCTION_NOT_FOUND',
    message: 'Function not found!',
  } as never);
  fixture.pools.driver.setHealth({ available: false, reason: 'away' });
  t.throws(() => fixture.admit(), { code: 'DRIVER_UNAVAILABLE' } as never);
  fixture.pools.driver.setHealth({ available: true });
  const first = fixture.admit();
  t.throws(() => fixture.admit(), { code: 'CONCURRENCY_LIMIT' } as never);
  first.abandon();
  const answer = fixture.call();
  t.throws(() => fixture.admit(), { code: 'CONCURRENCY_LIMIT' } as never);
  await answer;
  t.is((await fixture.call()).statusCode, 200, 'an end gives the place back');
  t.is(fixture.finished.length, 2, 'what was abandoned is not on record');
});

test('an id that is on record, or of a call under way, is given to no other call', async (t) => {
  const fixture = await InvokerFixture.create(t);
  const { signal } = new AbortController();
  const [first, twin] = await Promise.all([fixture.admitAs('mine'), fixture.admitAs('mine')]);
  t.is(first.id, 'mine');
  t.regex(twin.id, /^[0-9a-f-]{36}$/);
  twin.abandon();
  await first.run(invocation(), signal);
  const second = await fixture.admitAs('mine');
  t.regex(second.id, /^[0-9a-f-]{36}$/);
  second.abandon();
  const own = fixture.invoker.admit(fixture.ref, 'mine', true);
  t.is((own as AdmittedCall).id, 'mine', 'unless the server made it, which no store is asked about');
  (own as AdmittedCall).abandon();
});

test('a call whose id cannot be looked up gets another one', async (t) => {
  const fixture = await InvokerFixture.create(t);
  fixture.store.failure = new StoreError('disk I/O error', { full: false });
  const call = await fixture.admitAs('mine');
  t.regex(call.id, /^[0-9a-f-]{36}$/);
  call.abandon();
  fixture.store.failure = undefined;
  t.is((await fixture.admitAs('mine')).id, 'mine', 'and the id is free again');
});

test('calls are answered while the store is broken', async (t) => {
  const fixture = await InvokerFixture.create(t, { settings: { maxConcurrency: 1 } });
  fixture.store.failure = new StoreError('disk I/O error', { full: false });
  t.is((await fixture.call()).statusCode, 200);
  t.is((await fixture.call()).statusCode, 200);
  fixture.store.failure = undefined;
  t.is((await fixture.record(fixture.finished[0]!.id)).outcome, 'ok', 'and recorded when it is whole again');
});

for (const [end, code, outcome] of [
  ['ends', 'INSTANCE_CRASHED', 'crash'],
  ['is ended for its memory', 'OUT_OF_MEMORY', 'oom'],
] as const)
  test(`a process that ${end} before the deadline is told as such, however late its end is known`, async (t) => {
    const clock = new ManualClock();
    const fixture = await InvokerFixture.create(t, {
      settings: { timeoutMs: 100 },
      script: { invoke: (_message, { socket }) => socket.destroy() },
      executor: { clock },
    });
    const { driver } = fixture.pools;
    driver.exitState = async () => {
      clock.move(200);
      // A deadline that is over lets sockets be read before it tells so.
      for (let turn = 0; turn < 3; turn += 1) await setImmediate();
      return { exitCode: 137, oomKilled: outcome === 'oom' };
    };
    await t.throwsAsync(fixture.call(), { code } as never);
    t.like(await fixture.record('call-1'), { status: 502, outcome });
    await fixture.pools.empty();
  });

test('a call whose code is not loaded in time is told so, with the limit and what to raise', async (t) => {
  const fixture = await InvokerFixture.create(t, {
    settings: { cpus: 0.5 },
    pool: { loadTimeoutMs: 50 },
    script: { load: () => undefined },
  });
  const error = await t.throwsAsync(fixture.call(), { instanceOf: GlambdarError });
  t.is(error.code, 'LOAD_FAILED');
  t.is(error.status, 500);
  t.regex(
    error.message,
    /longer than 50 ms\..*bundler, or raise GLAMBDAR_LOAD_TIMEOUT_MS on the server\..*cpus \(0\.5\)/,
  );
  const record = await fixture.record('call-1');
  t.like(record, { status: 500, outcome: 'function_error', error: { code: 'LOAD_FAILED' } });
  t.is(record.loadMs, 50);
  await fixture.pools.empty();
});

test('a worker cannot know the id of its next call: an answer sent ahead of it ends the instance', async (t) => {
  const ids: string[] = [];
  const fixture = await InvokerFixture.create(t, {
    settings: { isolation: 'function' },
    script: {
      invoke: ({ id, invocationId }, { send }) => {
        ids.push(id);
        send(response(id));
        if (invocationId === 'mine-1') send(response('mine-2', 299));
      },
    },
  });
  const { signal } = new AbortController();
  const calls = ['mine-1', 'mine-2', 'mine-3'].map((id) => async () => {
    const admitted = await fixture.admitAs(id);
    return admitted.run(invocation(), signal).then(({ statusCode }) => statusCode, String);
  });
  const answers: unknown[] = [];
  for (const run of calls) answers.push(await run());
  t.false(answers.includes(299), answers.join(' '));
  t.is(new Set(ids).size, ids.length);
  for (const id of ids) t.regex(id, /^[0-9a-f]{32}$/);
});

test('a record has the method and the path of the client’s own request, without its query', async (t) => {
  const fixture = await InvokerFixture.create(t, { source: "exports.handler = () => ({ body: 'ok' });" });
  const asked = { clientMethod: 'HEAD', clientTarget: '/functions/f?token=secret', method: 'GET', path: '/' };
  await fixture.call('', asked);
  t.like(fixture.finished[0], { method: 'HEAD', path: '/functions/f' });
  t.like(await fixture.record('call-1'), { method: 'HEAD', path: '/functions/f' });
});

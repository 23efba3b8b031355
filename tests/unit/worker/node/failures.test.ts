import test from 'ava';
import { ConnectionLost } from '../../../../src/instance/wire/worker-connection.js';
import { FunctionProcess } from '../../../helpers/function-process.js';

/** Runs the code in the body as the handler. */
const evaluator =
  "exports.handler = async (req) => {\n  return new Function('req', 'require', req.body)(req, require);\n};";

const thrown: [code: string, name: string, message: string][] = [
  ['function odd() {}', 'odd', 'function execution failed'],
  ["new Error('text')", 'Error', 'text'],
  ["new TypeError('')", 'TypeError', 'function execution failed'],
  ["'just text'", 'Error', 'just text'],
  ["''", 'Error', 'function execution failed'],
  ['undefined', 'Error', 'function execution failed'],
  ['null', 'Error', 'function execution failed'],
  ['42', 'Error', '42'],
  ['7n', 'Error', '7'],
  ["Symbol('s')", 'Error', 'Symbol(s)'],
  ['({ code: 1 })', 'Error', 'function execution failed'],
  ["({ message: 'like one', name: 'Odd' })", 'Odd', 'like one'],
  ['({ message: 5, name: {}, stack: [] })', 'Error', 'function execution failed'],
  [
    "Object.defineProperties(new Error('x'), { stack: { get() { throw 2; } }, message: { get() { throw 1; } }, name: { get() { throw 3; } } })",
    'Error',
    'function execution failed',
  ],
  ["new Proxy({}, { get() { throw new Error('trap'); } })", 'Error', 'function execution failed'],
  ['Object.create(null)', 'Error', 'function execution failed'],
  ['({ toString() { throw 1; }, [Symbol.toPrimitive]: 3 })', 'Error', 'function execution failed'],
];

test('whatever a handler throws becomes plain text', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const [code, name, message] of thrown) {
    const { kind, error } = await fn.failure({ body: `throw ${code};` });
    t.is(kind, 'function', code);
    t.is(error.message, message, code);
    t.is(error.name, name, code);
  }
  const { error } = await fn.failure({
    body: 'throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw new Error("trap"); } });',
  });
  t.is(error.message, 'trap');
});

test('the longest error travels whole when every character needs escaping', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const { error } = await fn.failure({ body: "throw new Error('\\u0001'.repeat(100_000));" });
  t.is(error.message.length, 16 * 1024);
  t.is(error.stack.length, 32 * 1024);
  const emoji = await fn.failure({ body: "throw new Error('😀'.repeat(100_000));" });
  t.is(emoji.error.message, '😀'.repeat(8 * 1024));
});

test('a stack that lies about its place breaks nothing', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const { error } = await fn.failure({
    body: "throw Object.assign(new Error('x'), { stack: 'a.js:99999999999999999999\\n    at ' + 'y'.repeat(5000) + '.js:1:1' });",
  });
  t.is(error.file, undefined);
});

test('a stack shows only the frames of the function', async (t) => {
  const fn = await FunctionProcess.load(t, {
    'index.js':
      "const { inner } = require('./lib/inner.js');\nexports.handler = async () => {\n  await null;\n  return inner();\n};",
    'lib/inner.js': "exports.inner = () => {\n  throw new TypeError('deep in ' + __filename);\n};",
  });
  const { error } = await fn.failure();
  t.deepEqual(error, {
    name: 'TypeError',
    message: 'deep in lib/inner.js',
    stack:
      'TypeError: deep in lib/inner.js\n    at exports.inner (lib/inner.js:2:9)\n    at exports.handler (index.js:4:10)',
    file: 'lib/inner.js',
    line: 2,
  });
});

test('every error behind an error is shown: causes, lists of causes, the errors of an AggregateError', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const stackOf = async (code: string) => (await fn.failure({ body: `throw ${code};` })).error;
  const chain = await stackOf("new Error('a', { cause: new Error('b', { cause: new Error('c') }) })");
  t.regex(chain.stack, /\n\[cause\]: b\n\[cause\]: c$/);
  const list = await stackOf(
    "new Error('a', { cause: [new Error('b', { cause: 'deep' }), new Error('c')] })",
  );
  t.regex(list.stack, /\n\[cause\]: b\n\[cause\]: deep\n\[cause\]: c$/);
  const aggregate = await stackOf("new AggregateError([new Error('b'), 'c'], 'a')");
  t.regex(aggregate.stack, /\n\[error\]: b\n\[error\]: c$/);
  const silent = await stackOf("new AggregateError([new Error('b'), new Error('c')])");
  t.is(silent.message, 'b; c');
  const behind = await stackOf(
    "new TypeError('fetch failed', { cause: new AggregateError([new Error('refused ::1'), new Error('refused 127.0.0.1')]) })",
  );
  t.regex(behind.stack, /\n\[cause\]: refused ::1; refused 127.0.0.1\n\[error\]: refused ::1\n/);
  const circle = await stackOf(
    "(() => { const error = new Error('a'); return Object.assign(error, { cause: error }); })()",
  );
  t.is(circle.stack.match(/\[cause\]: a/g)?.length, 5);
  const many = await stackOf("new AggregateError(Array(5000).fill(new Error('\u0001'.repeat(5000))), 'a')");
  t.true(many.stack.length <= 32 * 1024);
  for (const code of [
    "new Error('a', { cause: new Proxy({}, { get() { throw 1; } }) })",
    "Object.defineProperty(new Error('a'), 'errors', { get() { throw 1; } })",
    "Object.assign(new Error('a'), { errors: [null, undefined, 7, {}] })",
  ])
    t.is((await stackOf(code)).message, 'a', code);
});

test('a promise that can never settle is told at once', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const { kind, error } = await fn.failure({ body: 'return new Promise(() => {});', timeoutMs: 900_000 });
  t.is(kind, 'unsettled');
  t.regex(error.message, /^its promise can never settle: nothing is left to wait for/);
  t.is((await fn.answer({ body: 'return { body: 1 };' })).text, '1', 'the worker is still there');
});

test('an error nobody caught fails the call it happened in', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const timer = await fn.failure({
    body: "setTimeout(() => { throw new Error('in a timer'); }, 1); return new Promise(() => {});",
  });
  t.like(timer, { kind: 'uncaught', error: { message: 'in a timer' } });
  const rejection = await fn.failure({
    body: "Promise.reject(new Error('unhandled')); return new Promise((r) => setTimeout(r, 10_000));",
  });
  t.like(rejection, { kind: 'uncaught', error: { message: 'unhandled' } });
  const text = await fn.failure({
    body: "Promise.reject('only text'); return new Promise((r) => setTimeout(r, 10_000));",
  });
  t.is(text.kind, 'uncaught');
  t.regex(text.error.message, /only text/);
});

test("a function's own uncaughtException listener takes over when there is one", async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "exports.handler = () => new Promise((resolve) => { process.on('uncaughtException', (error) => resolve({ body: 'caught ' + error.message })); setTimeout(() => { throw new Error('x'); }, 1); });",
  );
  t.is(await fn.json(), 'caught x');
});

test('an error between two calls ends the worker', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const lost = new Promise<ConnectionLost>((resolve) => fn.connection.onLost(resolve));
  await fn.answer({ body: "setTimeout(() => { throw new Error('later'); }, 20); return { body: 1 };" });
  t.is((await lost).kind, 'closed');
  t.deepEqual(await fn.driver.exitState('worker', 30_000), { exitCode: 1, oomKilled: false });
});

test('a process that ends in a call loses its connection after what it printed', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const error = await t.throwsAsync(fn.call({ body: "console.log('last words'); process.exit(7);" }), {
    instanceOf: ConnectionLost,
  });
  t.is(error.kind, 'closed');
  t.is(fn.logs.stdout, 'last words\n');
  t.deepEqual(await fn.driver.exitState('worker', 30_000), { exitCode: 7, oomKilled: false });
});

test('console output is sent call by call through every door', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  await fn.answer({
    body: "console.log('a', { b: 1 }); console.error('c'); console.warn('d'); process.stdout.write('e'); process.stderr.write(Buffer.from('f')); process.stdout.write('69', 'hex'); return {body: 1};",
  });
  t.deepEqual(fn.logs, { stdout: 'a { b: 1 }\nei', stderr: 'c\nd\nf' });
  await fn.answer({ body: "await_ = 1; console.log('second'); return { body: process.stdout.isTTY };" });
  t.deepEqual(fn.logs, { stdout: 'second\n', stderr: '' });
});

test('output arrives before the answer when the function then hangs', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const printed = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (fn.logs.stdout !== 'before the loop\n') return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  const call = t.throwsAsync(fn.call({ body: "console.log('before the loop'); for (;;);" }));
  await printed;
  await fn.driver.kill('worker');
  await call;
  t.pass();
});

test('each stream is cut at 256 KiB and the rest is counted', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const { message } = await fn.answer({
    body: "for (let i = 0; i < 300; i++) process.stdout.write('x'.repeat(1024)); process.stderr.write('y'.repeat(262_145)); return { body: 1 };",
  });
  t.is(fn.logs.stdout, 'x'.repeat(256 * 1024));
  t.is(fn.logs.stderr, 'y'.repeat(256 * 1024));
  t.deepEqual(message.cut, { stdout: 44 * 1024, stderr: 1 });
  t.true(message.peakMemoryKb > 10_000);
  const next = await fn.answer({ body: "console.log('again'); return { body: 1 };" });
  t.is(fn.logs.stdout, 'again\n');
  t.is(next.message.cut, undefined);
});

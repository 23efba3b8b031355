import test, { type ExecutionContext } from 'ava';
import { FunctionProcess } from '../../../../helpers/function-process.js';

/** A function that waits longer than the worker watches connections in a call with the query `wait`, and does `work` in every other one. */
const withWork = (work: string, top = ''): string => `
const http = require('node:http');
const net = require('node:net');
${top}
exports.handler = async (req) => {
  if (req.query.wait !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, 40).unref());
    return { body: 'waited' };
  }
  ${work}
  return { body: 'done' };
};`;

/** A server of the module's own, which answers `/slow` late: what the module holds is no work of a call. */
const SERVER = `
let port;
const listening = new Promise((resolve) => {
  const server = http.createServer((req, res) => {
    if (req.url.startsWith('/slow')) setTimeout(() => res.end('late'), 5_000).unref();
    else res.end('ok');
  });
  server.listen(0, '127.0.0.1', () => resolve((port = server.address().port)));
});
exports.port = () => port;`;

/** What the worker has written past the log of a call that serves its container's only call. */
async function leftRunning(t: ExecutionContext, code: string, oneUse = true): Promise<string> {
  const fn = await FunctionProcess.load(t, code);
  const answer = await fn.answer(oneUse ? { oneUse: true } : {});
  t.is(answer.text, '"done"');
  t.is(fn.logs.stderr, '');
  await fn.answer({ query: 'wait' });
  return (await fn.driver.output('worker', 64 * 1024)).stderr;
}

const hint = (what: string): string =>
  `glambdar: work was still running when the function answered: ${what}. It ends unfinished with the container: await it before you return, or stop it\n`;

test('timers that a call leaves running are told', async (t) => {
  t.is(await leftRunning(t, withWork('setTimeout(() => console.log("late"), 5_000);')), hint('a timer'));
  const several = 'setTimeout(() => undefined, 5_000); setInterval(() => undefined, 250);';
  t.is(await leftRunning(t, withWork(several)), hint('2 timers'));
});

test('an interval, a program and a server are told, and each once', async (t) => {
  const left = await leftRunning(
    t,
    withWork(`setInterval(() => undefined, 250);
  require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 5_000)']);
  await new Promise((resolve) => net.createServer().listen(0, '127.0.0.1', resolve));`),
  );
  t.regex(
    left,
    /^glambdar: the function listens on port \d+, where nobody can reach it; [^\n]* is called for every request\nglambdar: [^\n]*: a timer, the program node\. [^\n]*\n$/,
  );
});

test('requests that nobody waited for are told with their host', async (t) => {
  const left = await leftRunning(
    t,
    withWork(
      `await listening;
  http.get({ port, host: '127.0.0.1', path: '/slow?token=x' }).on('error', () => undefined);
  fetch('http://127.0.0.1:' + port + '/slow').catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 100));`,
      SERVER,
    ),
  );
  t.regex(left, /the request GET http:\/\/127\.0\.0\.1:\d+\/slow[,.] /);
  t.regex(left, /a fetch from http:\/\/127\.0\.0\.1:\d+/);
  t.notRegex(left, /token/);
});

test('kept connections, unreferenced timers, what has ended and what the module holds are no work', async (t) => {
  const left = await leftRunning(
    t,
    withWork(
      `await listening;
  await (await fetch('http://127.0.0.1:' + port)).text();
  await fetch('http://127.0.0.1:' + port);
  await new Promise((resolve) => http.get({ port, host: '127.0.0.1', agent: new http.Agent({ keepAlive: true }) }, (res) => res.resume().on('end', resolve)));
  const idle = net.connect(port, '127.0.0.1');
  await new Promise((resolve) => idle.on('connect', resolve));
  net.connect(port, '127.0.0.1').destroy();
  const closing = net.createServer();
  await new Promise((resolve) => closing.listen(0, '127.0.0.1', resolve));
  closing.close();
  const { spawn } = require('node:child_process');
  await new Promise((resolve) => spawn(process.execPath, ['-e', '']).once('exit', resolve));
  setTimeout(() => undefined, 5_000).unref();
  clearTimeout(setTimeout(() => undefined, 5_000));
  AbortSignal.timeout(5_000);`,
      `${SERVER}\nsetInterval(() => undefined, 60_000);`,
    ),
  );
  t.is(left, '');
});

test('nothing is told of a container that serves further calls: the work goes on there', async (t) => {
  t.is(await leftRunning(t, withWork('setTimeout(() => undefined, 5_000);'), false), '');
});

test('a function that has replaced the list of handles answers all the same, and nothing is told', async (t) => {
  t.is(
    await leftRunning(
      t,
      withWork(
        `process._getActiveHandles = () => { throw new Error('trap'); };
  setTimeout(() => undefined, 5_000);`,
      ),
    ),
    '',
  );
});

test('an error that nobody caught after the answer is told with its place', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "exports.handler = async () => {\n  Promise.reject(new TypeError('nobody'));\n  return { body: 'done' };\n};",
  );
  t.is((await fn.answer()).text, '"done"');
  t.deepEqual(await fn.driver.exitState('worker', 30_000), { exitCode: 1, oomKilled: false });
  t.is(
    (await fn.driver.output('worker', 64 * 1024)).stderr,
    'glambdar: an error that nobody caught ended the process while no call was running: TypeError: nobody (index.js:2); await what may fail before you return\n',
  );
});

test('what is left running is told in a line that is not long', async (t) => {
  const work =
    "await listening; http.get({ port, host: '127.0.0.1', path: '/slow' + 'x'.repeat(8_000) }).on('error', () => 0);";
  const left = await leftRunning(t, withWork(work, SERVER));
  t.regex(left, /^glambdar: work was still running .* the request GET http:\/\/127\.0\.0\.1:\d+\/slowx{100}/);
  t.true(left.length < 1_100, `${left.length} characters`);
});

test('a long answer arrives whole, though an error that nobody caught follows it', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "exports.handler = () => { setImmediate(() => { throw new Error('late'); }); return { body: 'z'.repeat(4e6) }; };",
  );
  const { body } = await fn.answer({ oneUse: true, maxResponseBytes: 8e6 });
  t.is(body.length, 4e6 + 2);
});

import test from 'ava';
import { FunctionProcess } from '../../../../helpers/function-process.js';

const evaluator =
  "exports.handler = async (req) => { throw new Function('root', 'return ' + req.body)(__dirname); };";
const coded = (code: string, more = ''): string =>
  `Object.assign(new Error('x'), { code: '${code}'${more} })`;
const readOnly = "glambdar: the function's folder is read-only; only /tmp can be written\n";

const handler =
  'glambdar: a handler gets (req, context) and returns its answer, { statusCode, headers, body }; req.headers is a plain object\n';

const hints: [code: string, hint: string][] = [
  [coded('EROFS', ", path: root + '/a.txt'"), readOnly],
  [coded('EROFS', ", path: 'data/a.txt'"), readOnly],
  [coded('EACCES', ", syscall: 'open', path: root + '/index.js'"), readOnly],
  [coded('ENOENT', ", syscall: 'mkdir', path: 'uploads/'"), readOnly],
  [coded('EROFS', ", path: '/var/log/a'"), 'glambdar: only /tmp can be written\n'],
  [`new Error('outer', { cause: ${coded('EROFS', ", path: 'a'")} })`, readOnly],
  [`new AggregateError([new Error('a'), ${coded('EROFS', ", path: 'a'")}])`, readOnly],
  [coded('ENOENT', ", syscall: 'open', path: 'missing.txt'"), ''],
  [coded('ENOENT', ", syscall: 'mkdir', path: '/tmp/a/b'"), ''],
  [coded('EACCES', ", syscall: 'spawn', path: root"), ''],
  [
    coded('ENETUNREACH', ", syscall: 'listen'"),
    'glambdar: a function does not listen on a port; export a handler, which is called for every request\n',
  ],
  [
    coded('ENOENT', ", syscall: 'spawnSync /bin/sh', path: '/bin/sh'"),
    'glambdar: there is no shell in the container; use execFile with a program that is in the bundle\n',
  ],
  [
    coded('ENOENT', ", syscall: 'spawn git', path: 'no-such-git'"),
    'glambdar: there is no program "no-such-git" in the container; put it into the bundle and name its path\n',
  ],
  [coded('ENOENT', ", syscall: 'spawn env', path: 'env'"), ''],
  [
    `new TypeError('fetch failed', { cause: ${coded('ECONNREFUSED', ", syscall: 'connect', address: '127.0.0.1'")} })`,
    'glambdar: localhost is the container itself, not the machine that it runs on\n',
  ],
  [coded('ECONNREFUSED', ", syscall: 'connect', address: '10.0.0.1'"), ''],
  [
    "Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: '/a' })",
    'glambdar: req.path is a path only; req.url is the whole URL\n',
  ],
  [
    '({ code: 1 })',
    'glambdar: what was thrown is no Error: { code: 1 }; throw new Error("…"), so that callers get its message\n',
  ],
  [
    '(Object.fromEntries(Array.from({ length: 2e5 }, (_, index) => ["key" + index, index])))',
    'glambdar: what was thrown is no Error: an object with 200000 properties; throw new Error("…"), so that callers get its message\n',
  ],
  [
    '({ code: 1, data: Object.fromEntries(Array.from({ length: 51 }, (_, index) => ["key" + index, index])) })',
    'glambdar: what was thrown is no Error: { code: 1, data: [Object] }; throw new Error("…"), so that callers get its message\n',
  ],
  [
    "({ [Symbol.for('nodejs.util.inspect.custom')]() { for (;;); } })",
    'glambdar: what was thrown is no Error: { [Symbol(nodejs.util.inspect.custom)]: [Function: [nodejs.util.inspect.custom]] }; throw new Error("…"), so that callers get its message\n',
  ],
  ["new TypeError('res.end is not a function')", handler],
  ["new TypeError('callback is not a function')", handler],
  ["new TypeError('req.headers.get is not a function')", handler],
  ["new TypeError('list.map is not a function')", ''],
  [
    `Object.assign(new SyntaxError("Unexpected token 'export'"), { stack: root + '/index.ts:1\\nexport' })`,
    'glambdar: "type" in package.json says that it is no ES module: remove "type": "commonjs" from package.json, or name the file .mts\n',
  ],
  [
    `Object.assign(new SyntaxError("Unexpected token 'export'"), { stack: root + '/index.cts:1\\nexport' })`,
    'glambdar: a .cts file is no ES module: name it .mts, or use require and exports\n',
  ],
  ["'only text'", ''],
  ["({ message: 'x' })", ''],
  [
    'null',
    'glambdar: what was thrown is no Error: null; throw new Error("…"), so that callers get its message\n',
  ],
  ["new Proxy({}, { get() { throw new Error('trap'); } })", ''],
];

test('an error of writing beside the code gets a line in the log about where can be written', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const [code, hint] of hints) {
    await fn.failure({ body: code });
    t.is(fn.logs.stderr, hint, code);
  }
});

test('the same error while loading has the hint in its first line', async (t) => {
  const error = await FunctionProcess.loadError(
    t,
    `throw ${coded('ENOENT', ", syscall: 'mkdir', path: 'uploads/'")};`,
  );
  t.is(error.message, "x (the function's folder is read-only; only /tmp can be written)");
});

const broken: [what: string, code: string][] = [
  ['throw', "process.stderr.write = () => { throw new Error('of the stream'); };"],
  ['are ended', 'process.stderr.end();'],
];

for (const [what, code] of broken)
  test(`a hint changes no answer of a function whose streams ${what}`, async (t) => {
    const source = `${code}
      require('node:os').networkInterfaces = () => ({});
      const channel = require('node:diagnostics_channel').channel('http.client.request.error');
      exports.handler = async (req, context, third) => {
        if (req.body === 'throw') throw { code: 1 };
        channel.publish({ error: Object.assign(new Error('x'), { code: 'ENETUNREACH' }) });
        return { body: 'fine' };
      };`;
    const fn = await FunctionProcess.load(t, source);
    t.is((await fn.answer({ body: 'fetch' })).text, '"fine"');
    t.regex(fn.logs.stderr, /^glambdar: this function has network "none"/m);
    const { kind, error } = await fn.failure({ body: 'throw' });
    t.deepEqual([kind, error.message], ['function', 'function execution failed']);
    t.regex(fn.logs.stderr, /^glambdar: what was thrown is no Error: { code: 1 }/m);
    t.is((await fn.answer({ body: 'fetch' })).text, '"fine"');
  });

test('a hint is short, whatever it quotes', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  await fn.failure({
    body: `Object.assign(new Error("Cannot find module './" + 'x'.repeat(1e6) + "'"), { code: 'MODULE_NOT_FOUND', requireStack: [root + '/a.js'] })`,
  });
  t.regex(fn.logs.stderr, /^glambdar: there is no x{100}/);
  t.true(fn.logs.stderr.length < 1_100, `${fn.logs.stderr.length} characters`);
});

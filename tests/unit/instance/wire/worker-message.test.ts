import test from 'ava';
import fc from 'fast-check';
import { parseWorkerMessage } from '../../../../src/instance/wire/worker-message.js';
import { ProtocolError } from '../../../../worker/node/protocol.cjs';

const error = { name: 'Error', message: 'm', stack: 's' };
const accounts = { cut: { stdout: 0, stderr: 1 }, peakMemoryKb: 5 };
const empty = Buffer.alloc(0);
const bytes = Buffer.from('x');

const legal: [message: Record<string, unknown>, body?: Buffer][] = [
  [{ type: 'ready', protocol: 1, node: 'v20.0.0', clockMs: 5 }],
  [{ type: 'loaded', id: 'a' }],
  [{ type: 'load-failed', id: 'a', error }],
  [{ type: 'load-failed', id: 'a', error: { ...error, file: 'index.js', line: 3 } }],
  [{ type: 'log', id: 'a', stream: 'stdout' }, bytes],
  [{ type: 'log', id: 'a', stream: 'stderr' }, Buffer.alloc(256 * 1024)],
  [{ type: 'response', id: 'a', statusCode: 200, headers: [['a', 'b']], ...accounts }, bytes],
  [{ type: 'response', id: '', statusCode: 0, headers: [], ...accounts }],
  [{ type: 'response', id: 'a', statusCode: 200, headers: [], cut: undefined, peakMemoryKb: 5 }],
  [{ type: 'error', id: 'a', kind: 'function', error, ...accounts }],
];

for (const [message, body = empty] of legal)
  test(`the parser copies ${JSON.stringify(message)} and drops what it does not know`, (t) => {
    t.deepEqual({ ...parseWorkerMessage({ ...message, extra: 1 }, body) }, message as never);
  });

const wrong: [header: unknown, message: RegExp, body?: Buffer][] = [
  [null, /header is not an object/],
  [[], /header is not an object/],
  ['ready', /header is not an object/],
  [{}, /a message of unknown type undefined/],
  [{ type: 'load' }, /a message of unknown type "load"/],
  [{ type: 7 }, /a message of unknown type number/],
  [{ type: 'x'.repeat(1000) }, /unknown type "x{40}"$/],
  [{ type: 'ready', protocol: 1, node: 'v' }, /a "ready" message carries a body/, bytes],
  [{ type: 'loaded', id: 'a' }, /carries a body/, bytes],
  [{ type: 'error', id: 'a', kind: 'function', error, ...accounts }, /carries a body/, bytes],
  [{ type: 'ready', protocol: 1, node: 'v', clockMs: -1 }, /clockMs is not a whole number/],
  [{ type: 'ready', protocol: '1', node: 'v' }, /protocol is not a whole number/],
  [{ type: 'ready', protocol: 1.5, node: 'v' }, /protocol is not a whole number/],
  [{ type: 'ready', protocol: 1, node: 7 }, /node is not a string of at most 100/],
  [{ type: 'ready', protocol: 1, node: 'v'.repeat(101) }, /node is not a string of at most 100/],
  [{ type: 'loaded' }, /id is not a string of at most 200/],
  [{ type: 'loaded', id: 'x'.repeat(201) }, /id is not a string of at most 200/],
  [{ type: 'load-failed', id: 'a' }, /error is not an object/],
  [{ type: 'load-failed', id: 'a', error: { ...error, name: 1 } }, /name is not a string/],
  [{ type: 'load-failed', id: 'a', error: { ...error, message: null } }, /message is not a string/],
  [
    { type: 'load-failed', id: 'a', error: { ...error, stack: 'x'.repeat(64 * 1024 + 1) } },
    /stack is not a string/,
  ],
  [{ type: 'load-failed', id: 'a', error: { ...error, file: 1 } }, /file is not a string/],
  [{ type: 'load-failed', id: 'a', error: { ...error, line: -1 } }, /line is not a whole number/],
  [{ type: 'log', id: 'a', stream: 'stdin' }, /names no stream/, bytes],
  [{ type: 'log', id: 'a', stream: 'stdout' }, /a log message of 0 bytes/],
  [{ type: 'log', id: 'a', stream: 'stdout' }, /a log message of 262145 bytes/, Buffer.alloc(256 * 1024 + 1)],
  [{ type: 'log', stream: 'stdout' }, /id is not a string/, bytes],
  [
    { type: 'response', id: 'a', statusCode: '200', headers: [], ...accounts },
    /statusCode is not a whole number/,
  ],
  [
    { type: 'response', id: 'a', statusCode: -1, headers: [], ...accounts },
    /statusCode is not a whole number/,
  ],
  [{ type: 'response', id: 'a', statusCode: 200, headers: {}, ...accounts }, /headers is not a list/],
  [{ type: 'response', id: 'a', statusCode: 200, headers: ['a'], ...accounts }, /a header is not a pair/],
  [{ type: 'response', id: 'a', statusCode: 200, headers: [['a']], ...accounts }, /a header is not a pair/],
  [
    { type: 'response', id: 'a', statusCode: 200, headers: [['a', 1]], ...accounts },
    /a header is not a pair of strings/,
  ],
  [
    { type: 'response', id: 'a', statusCode: 200, headers: [[{}, 'a']], ...accounts },
    /a header is not a pair of strings/,
  ],
  [{ type: 'response', id: 'a', statusCode: 200, headers: [], ...accounts, cut: [] }, /cut is not an object/],
  [
    { type: 'response', id: 'a', statusCode: 200, headers: [], ...accounts, cut: { stdout: 1 } },
    /stderr is not a whole number/,
  ],
  [
    { type: 'response', id: 'a', statusCode: 200, headers: [], ...accounts, peakMemoryKb: 2 ** 60 },
    /peakMemoryKb is not/,
  ],
  [{ type: 'error', id: 'a', kind: 'toString', error, ...accounts }, /an error message of unknown kind/],
  [{ type: 'error', id: 'a', error, ...accounts }, /an error message of unknown kind/],
];

for (const [header, message, body = empty] of wrong)
  test(`the parser refuses ${JSON.stringify(header)?.slice(0, 90)} with ${body.length} bytes (${String(message)})`, (t) => {
    t.throws(() => parseWorkerMessage(header, body), { instanceOf: ProtocolError, message });
  });

test('a __proto__ in a header changes no prototype and stands for no field', (t) => {
  const header = JSON.parse(
    '{"__proto__":{"type":"loaded","id":"a","polluted":1},"constructor":{"prototype":{"polluted":1}}}',
  ) as unknown;
  t.throws(() => parseWorkerMessage(header, empty), { instanceOf: ProtocolError });
  const failed = parseWorkerMessage(
    JSON.parse(
      '{"type":"load-failed","id":"a","error":{"name":"E","message":"m","stack":"s","__proto__":{"file":"x"}}}',
    ),
    empty,
  );
  t.deepEqual(failed, { type: 'load-failed', id: 'a', error: { name: 'E', message: 'm', stack: 's' } });
  t.is(({} as Record<string, unknown>)['polluted'], undefined);
});

test('any JSON with any body ends in a message or a ProtocolError', (t) => {
  const type = fc.constantFrom('ready', 'loaded', 'load-failed', 'log', 'response', 'error', 'invoke');
  const header = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        type,
        id: fc.oneof(fc.string(), fc.jsonValue()),
        error: fc.oneof(fc.constant(error), fc.jsonValue()),
        stream: fc.constantFrom('stdout', 'x', null),
        headers: fc.oneof(fc.array(fc.array(fc.string())), fc.jsonValue()),
        statusCode: fc.oneof(fc.integer(), fc.jsonValue()),
        cut: fc.oneof(fc.constant(accounts.cut), fc.jsonValue()),
        peakMemoryKb: fc.integer(),
        kind: fc.constantFrom('function', 'x'),
        protocol: fc.integer(),
        node: fc.string(),
      },
      { requiredKeys: ['type'] },
    ),
  );
  let parsed = 0;
  fc.assert(
    fc.property(header, fc.boolean(), (value, withBody) => {
      try {
        parseWorkerMessage(value, withBody ? bytes : empty);
        parsed += 1;
      } catch (thrown) {
        t.true(thrown instanceof ProtocolError, String(thrown));
      }
    }),
    { numRuns: 2_000 },
  );
  t.true(parsed > 0);
});

/**
 * Requests that were made to get past the listener for functions: targets and hosts of every spelling. Whatever is sent, only
 * public functions are called, and every other answer is an error of the closed table.
 */
import test from 'ava';
import fc from 'fast-check';
import { RawClient } from '../raw-client.js';
import { startDoor } from './door-fixture.js';

const RUNS = 1_500;
/** Another seed makes other requests. */
const SEED = 9;

const segments = [
  ...['hello', 'secret', 'other', 'ada', 'default', 'nobody'],
  ...['deploy', 'info', 'del', 'config', 'logs', 'invoke', 'healthz', 'readyz', 'metrics', 'functions', 'v1'],
  ...['auth', 'invok', 'register', 'routes', 'r', 'ping', 'execute', 'openapi.json', 'invocations'],
  ...[
    '',
    '.',
    '..',
    '%2e',
    '%2e%2e',
    '%2f',
    '%2F..',
    '%5c..',
    '..;',
    '%00',
    '%',
    '%zz',
    '*',
    '~',
    '%68ello',
    'HELLO',
  ],
  ...[
    'hello%2f',
    '%2fsecret',
    'secret%3f',
    'hello;x',
    'hello%0d%0aX:',
    'h\u0065llo',
    '\u00e9',
    '@',
    ':80',
    '__proto__',
    'constructor',
  ],
];
const hosts = [
  ...['localhost', 'localhost:1', '127.0.0.1', '[::1]', 'fn.example.com', 'evil.example'],
  ...[
    'hello.fn.example.com',
    'secret.fn.example.com',
    'hello--ada.fn.example.com',
    'secret--ada.fn.example.com',
  ],
  ...[
    'deploy.fn.example.com',
    'hello.fn.example.com.',
    'hello..fn.example.com',
    '.fn.example.com',
    'a.hello.fn.example.com',
  ],
  ...[
    'hello--.fn.example.com',
    '--hello.fn.example.com',
    'secret@hello.fn.example.com',
    'hello.fn.example.com#',
    '',
  ],
  ...[
    'hello.fn.example.com, secret.fn.example.com',
    'xn--hello.fn.example.com',
    '*.fn.example.com',
    'localhost:99999',
  ],
];
const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'M-SEARCH',
];
const extra = [
  ...['Origin: https://evil.example', 'Sec-Fetch-Site: cross-site', 'Access-Control-Request-Method: PUT'],
  ...[
    'Upgrade: h2c',
    'Connection: Upgrade',
    'X-Forwarded-Host: secret.fn.example.com',
    'X-Forwarded-For: 127.0.0.1',
  ],
  ...[
    'X-Original-URL: /deploy',
    'X-Rewrite-URL: /info',
    'X-HTTP-Method-Override: DELETE',
    'Forwarded: host=localhost',
  ],
  ...['Authorization: Bearer x', 'X-API-Key: x', 'Accept: text/event-stream', 'Host: secret.fn.example.com'],
];

const path = fc
  .tuple(
    fc.constantFrom('', '', '/hello', '/ada/hello', '/secret', '/ada/secret'),
    fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength: 3 }),
    fc.constantFrom('', '?', '?x=/secret', '?/../secret'),
  )
  .map(([prefix, parts, query]) => `${prefix}/${parts.join('/')}${query}`);
const target = fc.oneof(
  { weight: 6, arbitrary: path },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom('http://', 'HTTP://', 'https://', 'ftp://', '//', 'http:/', 'http:'),
        fc.constantFrom(...hosts),
        path,
      )
      .map((parts) => parts.join('')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '*',
      'secret',
      'deploy',
      'hello:80',
      'secret:443',
      '?',
      '#',
      '/#/secret',
      '\\secret',
    ),
  },
);
const request = fc.record({
  method: fc.constantFrom(...methods),
  target,
  host: fc.constantFrom(...hosts),
  headers: fc.subarray(extra, { maxLength: 3 }),
  version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
});

const REFUSALS: Record<number, string> = {
  400: 'INVALID_REQUEST',
  404: 'FUNCTION_NOT_FOUND or NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
};

for (const withNamespaces of [false, true])
  for (const domain of [null, 'fn.example.com'])
    test(`no request ${withNamespaces ? 'with' : 'without'} accounts and ${domain ? 'with' : 'without'} a domain reaches more than public functions`, async (t) => {
      const { port, invoker, put } = await startDoor(t, { domain, withNamespaces });
      put({ namespace: 'ada', name: 'hello' }, { public: true });
      put({ namespace: 'ada', name: 'secret' });
      // A function may be called as a route of the API is: it is a function then, and only if it is public.
      for (const name of ['deploy', 'info', 'invoke']) put({ namespace: 'default', name });
      let called = 0;
      await fc.assert(
        fc.asyncProperty(request, async ({ method, target: asked, host, headers, version }) => {
          const before = { ran: invoker.ran.length, admitted: invoker.admitted.length };
          const client = await RawClient.connect(port);
          const lines = [
            `${method} ${asked} HTTP/${version}`,
            `Host: ${host}`,
            ...headers,
            'Connection: close',
          ];
          // In bytes, as a target beyond ASCII would be sent.
          client.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8'));
          const { status, body } = await client.response({ head: method === 'HEAD' });
          client.socket.destroy();
          const ran = invoker.ran.slice(before.ran);
          const admitted = invoker.admitted.slice(before.admitted);
          if (status === 200) {
            called += 1;
            return ran.length === 1 && admitted.every(({ name }) => name === 'hello');
          }
          if (admitted.length > 0 || ran.length > 0 || !(status in REFUSALS)) return false;
          return method === 'HEAD' || REFUSALS[status]!.includes((JSON.parse(body) as { code: string }).code);
        }),
        { numRuns: RUNS / 4, seed: SEED },
      );
      t.true(called > 5, `only ${called} of the requests were calls`);
    });

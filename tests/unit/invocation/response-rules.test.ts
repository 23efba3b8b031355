import test from 'ava';
import { checkResponse, isBodiless } from '../../../src/invocation/response-rules.js';

type Headers = [string, string][];

const hundred = Array.from({ length: 100 }, (): [string, string] => ['a', '']);

const kept: [what: string, headers: Headers, expected: Headers][] = [
  [
    'repeated headers',
    [
      ['set-cookie', 'a'],
      ['Set-Cookie', 'b'],
    ],
    [
      ['set-cookie', 'a'],
      ['Set-Cookie', 'b'],
    ],
  ],
  ['every character a name may have', [["!#$%&'*+.^_`|~0aZ-", 'x']], [["!#$%&'*+.^_`|~0aZ-", 'x']]],
  [
    'empty values, tabs and Latin-1',
    [
      ['a', ''],
      ['b', '\t \xff'],
    ],
    [
      ['a', ''],
      ['b', '\t \xff'],
    ],
  ],
  [
    'other characters as the bytes of their UTF-8',
    [['a', 'ü–😀']],
    [['a', Buffer.from('ü–😀').toString('latin1')]],
  ],
  [
    'all but what belongs to the connection',
    [
      'Connection',
      'Content-Length',
      'Keep-Alive',
      'Proxy-Authenticate',
      'Proxy-Authorization',
      'Proxy-Connection',
      'TE',
      'Trailer',
      'Trailers',
      'Transfer-Encoding',
      'Upgrade',
    ]
      .flatMap((name): Headers => [
        [name, 'x'],
        [name.toLowerCase(), 'y'],
      ])
      .concat([['X-Kept', 'z']]),
    [['X-Kept', 'z']],
  ],
  ['100 headers', hundred, hundred],
  [
    '100 headers beside the content-type of the worker',
    [...hundred, ['content-type', 'application/json']],
    [...hundred, ['content-type', 'application/json']],
  ],
  ['16 KiB of headers', [['a', 'x'.repeat(16_383)]], [['a', 'x'.repeat(16_383)]]],
  [
    '16 KiB of headers beside the content-type of the worker',
    [
      ['a', 'x'.repeat(16_383)],
      ['content-type', 'application/json'],
    ],
    [
      ['a', 'x'.repeat(16_383)],
      ['content-type', 'application/json'],
    ],
  ],
];

for (const [what, headers, expected] of kept)
  test(`an answer keeps ${what}`, (t) => {
    t.deepEqual(checkResponse(200, headers), { statusCode: 200, headers: expected });
  });

const refused: [what: string, status: number, headers: Headers, message: RegExp][] = [
  ['status 199', 199, [], /statusCode is 199; expected a whole number from 200 to 599\.$/],
  ['status 600', 600, [], /statusCode is 600/],
  ['status 101', 101, [], /statusCode is 101/],
  ['status 0', 0, [], /statusCode is 0/],
  ['an empty name', 200, [['', 'x']], /the header name "" has characters/],
  ['a name with a space', 200, [['a b', 'x']], /the header name "a b"/],
  ['a name with a colon', 200, [['a:', 'x']], /the header name "a:"/],
  ['a name with a line break', 200, [['a\r\nb', 'x']], /the header name "a\\r\\nb"/],
  ['a name beyond ASCII', 200, [['ü', 'x']], /the header name "ü"/],
  ['a long bad name', 200, [[' '.repeat(200), 'x']], /"\s{80}"/],
  ['CR LF in a value', 200, [['a', 'x\r\nSet-Cookie: y']], /the value of the header "a" has a line break/],
  ['LF in a value', 200, [['a', 'x\ny']], /line break or control/],
  ['NUL in a value', 200, [['a', 'x\0y']], /line break or control/],
  ['DEL in a value', 200, [['a', '\x7f']], /line break or control/],
  ['a line break beside other characters', 200, [['a', '😀\n']], /line break or control/],
  ['a line break in an ignored header', 200, [['connection', 'x\r\ny']], /line break or control/],
  [
    '101 headers',
    200,
    Array.from({ length: 101 }, (): [string, string] => ['a', '']),
    /101 headers; at most 100/,
  ],
  [
    '101 headers that are ignored',
    200,
    Array.from({ length: 101 }, (): [string, string] => ['te', '']),
    /101 headers/,
  ],
  [
    'two content-types among 102 headers',
    200,
    [...hundred, ['content-type', 'a/b'], ['Content-Type', 'a/b']],
    /101 headers; at most 100/,
  ],
  [
    'a content-type of 17 KiB',
    200,
    [['content-type', 'x'.repeat(17 * 1024)]],
    /17164 bytes of headers; at most 16384/,
  ],
  ['more than 16 KiB', 200, [['a', 'x'.repeat(16_384)]], /16385 bytes of headers; at most 16384/],
  ['more than 16 KiB as UTF-8', 200, [['a', '😀'.repeat(4_096)]], /16385 bytes/],
];

for (const [what, status, headers, message] of refused)
  test(`an answer with ${what} cannot be sent`, (t) => {
    t.throws(() => checkResponse(status, headers), { code: 'BAD_RESPONSE', message } as never);
  });

test('answers of the statuses 204, 205 and 304 have no body', (t) => {
  const bodiless = Array.from({ length: 400 }, (_, index) => 200 + index).filter((status) =>
    isBodiless(status),
  );
  t.deepEqual(bodiless, [204, 205, 304]);
});

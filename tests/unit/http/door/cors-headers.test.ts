import test from 'ava';
import { corsHeaders, isPreflight, preflightHeaders } from '../../../../src/http/door/cors-headers.js';
import type { CorsSettings } from '../../../../src/model/function/cors.js';

const PAGE = 'https://app.example.com';

function cors(parts: Partial<CorsSettings> = {}): CorsSettings {
  const lists = { origins: [PAGE], methods: ['GET', 'POST'], headers: ['*'] };
  return { ...lists, credentials: false, maxAge: 600, ...parts };
}

const asked = (headers?: string, origin = PAGE): Record<string, string> => ({
  origin,
  'access-control-request-method': 'POST',
  ...(headers === undefined ? {} : { 'access-control-request-headers': headers }),
});

test('a preflight is an OPTIONS that has an origin and asks for a method', (t) => {
  t.true(isPreflight('OPTIONS', asked()));
  t.false(isPreflight('POST', asked()));
  t.false(isPreflight('OPTIONS', { origin: PAGE }));
  t.false(isPreflight('OPTIONS', { 'access-control-request-method': 'POST' }));
});

test('an answer names the origin that may read it, and that it differs by origin', (t) => {
  t.deepEqual(corsHeaders(cors(), PAGE), [
    ['Access-Control-Allow-Origin', PAGE],
    ['Vary', 'Origin'],
  ]);
  t.deepEqual(corsHeaders(cors({ credentials: true }), PAGE), [
    ['Access-Control-Allow-Origin', PAGE],
    ['Access-Control-Allow-Credentials', 'true'],
    ['Vary', 'Origin'],
  ]);
  t.deepEqual(corsHeaders(cors({ origins: ['*'] }), PAGE), [['Access-Control-Allow-Origin', '*']]);
  t.deepEqual(corsHeaders(cors({ origins: ['*'] }), undefined), [['Access-Control-Allow-Origin', '*']]);
});

test('another origin, or none, is allowed nothing', (t) => {
  for (const origin of [
    undefined,
    'null',
    '',
    `${PAGE}.evil.example`,
    'http://app.example.com',
    `${PAGE}:444`,
  ]) {
    t.deepEqual(corsHeaders(cors({ credentials: true }), origin), [['Vary', 'Origin']]);
    t.deepEqual(preflightHeaders(cors({ credentials: true }), asked(undefined, origin ?? '')), [
      ['Vary', 'Origin'],
    ]);
  }
});

test('a preflight is told methods, headers and how long this holds', (t) => {
  t.deepEqual(preflightHeaders(cors({ headers: ['x-a', 'x-b'], maxAge: 5 }), asked('x-c')), [
    ['Access-Control-Allow-Origin', PAGE],
    ['Vary', 'Origin'],
    ['Access-Control-Allow-Methods', 'GET, POST'],
    ['Access-Control-Allow-Headers', 'x-a, x-b'],
    ['Access-Control-Max-Age', '5'],
  ]);
  t.false(preflightHeaders(cors({ headers: [] }), asked('x-c')).some(([name]) => /Allow-Headers/.test(name)));
});

test('where every header is allowed, those that are asked for are named: a star would not cover Authorization', (t) => {
  const named = (headers?: string): string | undefined =>
    preflightHeaders(cors(), asked(headers)).find(([name]) => name === 'Access-Control-Allow-Headers')?.[1];
  t.is(named('authorization,content-type'), 'authorization, content-type');
  t.is(named(undefined), undefined);
  t.is(named('x-a, a b, , x\u0000, x-b'), 'x-a, x-b', 'what is no name is left out');
});

import test from 'ava';
import { doorTarget } from '../../../../src/http/door/door-target.js';

/** `namespace/name basePath path ?query`, or undefined. */
function shown(url: string, hostname: string | null, domain: string | null, withNamespaces = false) {
  const target = doorTarget(url, hostname, { domain, withNamespaces });
  if (target === undefined) return undefined;
  const { ref, basePath, path, query } = target;
  return `${ref.namespace}/${ref.name} ${basePath || '-'} ${path} ?${query}`;
}

const paths: [url: string, expected: string | undefined][] = [
  ['/hello', 'default/hello /hello / ?'],
  ['/hello/', 'default/hello /hello / ?'],
  ['/hello?a=/b?c', 'default/hello /hello / ?a=/b?c'],
  ['/hello/a%2fb/../c//d?x=1', 'default/hello /hello /a%2fb/../c//d ?x=1'],
  ['/%68ello/x', 'default/hello /%68ello /x ?'],
  ['/my.fn_1-a', 'default/my.fn_1-a /my.fn_1-a / ?'],
  ['/invoke/hello', 'default/invoke /invoke /hello ?'],
  ['/', undefined],
  ['/?hello', undefined],
  ['//hello', undefined],
  ['/./hello', undefined],
  ['/../hello', undefined],
  ['/%2e%2e/hello', undefined],
  ['/%2fhello', undefined],
  ['/hello%2fx', undefined],
  ['/hello%00', undefined],
  ['/%zz', undefined],
  ['/hello;x', undefined],
  ['/\\hello', undefined],
];
for (const [url, expected] of paths)
  test(`without accounts ${url} ${expected ? `is ${expected}` : 'names no function'}`, (t) => {
    t.is(shown(url, 'localhost', null), expected);
    t.is(shown(url, null, 'fn.example.com'), expected);
    t.is(shown(url, 'fn.example.com', 'fn.example.com'), expected, 'the domain itself is no function');
  });

const namespaced: [url: string, expected: string | undefined][] = [
  ['/ada/hello', 'ada/hello /ada/hello / ?'],
  ['/ada/hello/x?y', 'ada/hello /ada/hello /x ?y'],
  ['/%61da/hello', 'ada/hello /%61da/hello / ?'],
  ['/ada', undefined],
  ['/ada/', undefined],
  ['/ada?/hello', undefined],
  ['/ada//hello', undefined],
  ['//ada/hello', undefined],
  ['/ada%2fhello', undefined],
  ['/ada%2fx/hello', undefined],
  ['/ada/../hello', undefined],
  ['/../ada/hello', undefined],
  ['/ada/hello%2fx', undefined],
];
for (const [url, expected] of namespaced)
  test(`with accounts ${url} ${expected ? `is ${expected}` : 'names no function'}`, (t) => {
    t.is(shown(url, 'localhost', null, true), expected);
  });

const hosts: [hostname: string, withNamespaces: boolean, ref: string | undefined][] = [
  ['hello.fn.example.com', false, 'default/hello'],
  ['hello.fn.example.com.', false, 'default/hello'],
  ['a--b.fn.example.com', false, 'default/a--b'],
  ['a_b.fn.example.com', false, 'default/a_b'],
  ['my.fn.fn.example.com', false, undefined],
  ['.fn.example.com', false, undefined],
  ['-a.fn.example.com', false, undefined],
  ['hello--ada.fn.example.com', true, 'ada/hello'],
  ['a--b--ada.fn.example.com', true, 'ada/a--b'],
  ['a---b.fn.example.com', true, 'b/a-'],
  ['hello.fn.example.com', true, undefined],
  ['hello--.fn.example.com', true, undefined],
  ['--ada.fn.example.com', true, undefined],
  ['hello--a.da.fn.example.com', true, undefined],
];
for (const [hostname, withNamespaces, ref] of hosts)
  test(`the host ${hostname} ${withNamespaces ? 'with' : 'without'} accounts ${ref ? `is ${ref}` : 'is no function'}, whatever the path`, (t) => {
    for (const [url, path, query] of [
      ['/', '/', ''],
      ['/other/x?y=/z', '/other/x', 'y=/z'],
      ['//other?', '//other', ''],
      ['/default/other', '/default/other', ''],
    ] as const)
      t.is(shown(url, hostname, 'fn.example.com', withNamespaces), ref && `${ref} - ${path} ?${query}`);
  });

test('a host that only ends like the domain is not below it', (t) => {
  for (const hostname of [
    'hellofn.example.com',
    'hello.xfn.example.com',
    'hello.fn.example.com.evil.example',
  ])
    t.is(shown('/other', hostname, 'fn.example.com'), 'default/other /other / ?', hostname);
  t.is(shown('/other', 'hello.fn.example.com', null), 'default/other /other / ?', 'there is no domain');
});

import test from 'ava';
import { createDoorUrl, type DoorUrlOptions } from '../../../../src/http/door/door-url.js';

const socket = { localAddress: '192.0.2.7' };
const ADA = '4f1c8f0e-5bb9-4c37-9a43-0d8f3a9a6d11';

const urls: [what: string, expected: string, name: string, options: Partial<DoorUrlOptions>][] = [
  ['by path', 'http://127.0.0.1:8001/hello', 'hello', {}],
  ['by path on all addresses', 'http://192.0.2.7:8001/hello', 'hello', { host: '0.0.0.0' }],
  ['by path on all addresses, written short', 'http://192.0.2.7:8001/hello', 'hello', { host: '0' }],
  ['by path on all IPv6 addresses', 'http://192.0.2.7:8001/hello', 'hello', { host: '::0' }],
  ['by path on IPv6', 'http://[::1]:8001/hello', 'hello', { host: '::1' }],
  ['by path with accounts', `http://127.0.0.1:8001/${ADA}/hello`, 'hello', { withNamespaces: true }],
  ['by host name', 'http://hello.fn.example.com:8001/', 'hello', { domain: 'fn.example.com' }],
  [
    'by host name with accounts',
    `http://hello--${ADA}.fn.example.com:8001/`,
    'hello',
    { domain: 'fn.example.com', withNamespaces: true },
  ],
  [
    'by host name behind a proxy',
    'https://hello.fn.example.com/',
    'hello',
    { domain: 'fn.example.com', proxyProtocol: 'https:' },
  ],
  ['by path behind a proxy', 'http://127.0.0.1:8001/hello', 'hello', { proxyProtocol: 'https:' }],
  ['with a capital', 'http://127.0.0.1:8001/Hello', 'Hello', { domain: 'fn.example.com' }],
  ['with a dot', 'http://127.0.0.1:8001/a.b', 'a.b', { domain: 'fn.example.com' }],
  [
    'of 64 characters',
    `http://127.0.0.1:8001/${'x'.repeat(64)}`,
    'x'.repeat(64),
    { domain: 'fn.example.com' },
  ],
  [
    'of 63 characters',
    `http://${'x'.repeat(63)}.fn.example.com:8001/`,
    'x'.repeat(63),
    { domain: 'fn.example.com' },
  ],
];

for (const [what, expected, name, options] of urls)
  test(`the URL of a public function ${what} leads to the function`, (t) => {
    const doorUrl = createDoorUrl({
      host: '127.0.0.1',
      port: () => 8001,
      domain: null,
      withNamespaces: false,
      proxyProtocol: null,
      ...options,
    });
    t.is(doorUrl({ namespace: options.withNamespaces ? ADA : 'default', name }, socket), expected);
  });

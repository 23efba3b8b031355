import type { IncomingMessage, ServerResponse } from 'node:http';
import { BlockList } from 'node:net';
import test from 'ava';
import { readConfig } from '../../../../src/config.js';
import { clientOf, readClient, type Client } from '../../../../src/http/requests/client.js';

const TRUSTED = readConfig({
  GLAMBDAR_TRUSTED_PROXIES: '127.0.0.1, ::1, 10.0.0.0/8, 2001:db8:aa::/48',
}).trustedProxies;

/** The client that is read of a request from this address. */
function clientFrom(
  remoteAddress: string | undefined,
  headers: Record<string, string>,
  trusted = TRUSTED,
): Client {
  const req = { socket: { remoteAddress }, headers: { host: 'server:8000', ...headers } };
  readClient(trusted)(req as unknown as IncomingMessage, {} as ServerResponse);
  return clientOf(req as unknown as IncomingMessage);
}

const forged = {
  'x-forwarded-for': '1.2.3.4',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example',
};

test('what a client that is no trusted proxy says of itself counts for nothing', (t) => {
  for (const address of ['203.0.113.7', '::ffff:203.0.113.7', '2001:db8:ab::1', '11.0.0.1', '127.0.0.2']) {
    const { address: read, protocol, host } = clientFrom(address, forged);
    t.is(read, address.replace('::ffff:', ''));
    t.is(protocol, 'http');
    t.is(host, 'server:8000');
  }
  t.like(clientFrom('127.0.0.1', forged, new BlockList()), { address: '127.0.0.1', host: 'server:8000' });
  t.is(clientFrom(undefined, forged).address, undefined);
});

const ways: [what: string, from: string, forwardedFor: string | null, address: string][] = [
  ['one proxy', '127.0.0.1', '203.0.113.7', '203.0.113.7'],
  ['a proxy whose address comes in IPv6 notation', '::ffff:10.1.2.3', '203.0.113.7', '203.0.113.7'],
  ['a proxy in a trusted IPv6 network', '2001:db8:aa:1::9', '2001:db8::7', '2001:db8::7'],
  ['a proxy with a zone', '::1%lo', '203.0.113.7', '203.0.113.7'],
  ['two trusted proxies', '127.0.0.1', '203.0.113.7, 10.0.0.2', '203.0.113.7'],
  ['an address that the client made up', '127.0.0.1', '6.6.6.6, 203.0.113.7', '203.0.113.7'],
  ['a trusted address that the client made up', '127.0.0.1', '10.0.0.9, 203.0.113.7', '203.0.113.7'],
  ['made-up addresses before two proxies', '127.0.0.1', '6.6.6.6,203.0.113.7 ,10.0.0.2', '203.0.113.7'],
  ['nothing but trusted addresses', '127.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ['no word of whom the proxy speaks for', '127.0.0.1', null, '127.0.0.1'],
  ['an empty word', '127.0.0.1', ' , ', '127.0.0.1'],
  ['a word that is no address', '127.0.0.1', '203.0.113.7, unknown', '127.0.0.1'],
  ['a word that is no address, told by the proxy before', '127.0.0.1', 'unknown, 10.0.0.2', '10.0.0.2'],
  ['a port behind the address', '127.0.0.1', '203.0.113.7:4711', '203.0.113.7'],
  ['brackets and a port', '127.0.0.1', '[2001:DB8::7]:4711', '2001:db8::7'],
  ['brackets', '127.0.0.1', '[2001:db8::7]', '2001:db8::7'],
  ['a client in IPv6 notation', '127.0.0.1', '::ffff:203.0.113.7', '203.0.113.7'],
];
for (const [what, from, forwardedFor, address] of ways)
  test(`the client behind ${what} is ${address}`, (t) => {
    const headers = forwardedFor === null ? {} : { 'x-forwarded-for': forwardedFor };
    t.is(clientFrom(from, headers as Record<string, string>).address, address);
  });

test('protocol and host are those that the outermost trusted proxy was asked for', (t) => {
  const read = (headers: Record<string, string>): Client => clientFrom('127.0.0.1', headers);
  t.like(read(forged), { address: '1.2.3.4', protocol: 'https', host: 'evil.example' });
  t.like(read({ 'x-forwarded-for': '203.0.113.7' }), { protocol: 'http', host: 'server:8000' });
  t.is(read({ 'x-forwarded-proto': 'HTTPS' }).protocol, 'https');
  t.is(read({ 'x-forwarded-proto': 'wss' }).protocol, 'http');
  // One proxy: what stands to the left of its entry may be the client's.
  const one = { 'x-forwarded-for': '6.6.6.6, 203.0.113.7' };
  t.like(
    read({
      ...one,
      'x-forwarded-proto': 'http, https',
      'x-forwarded-host': 'evil.example, fn.example.com:8443',
    }),
    { protocol: 'https', host: 'fn.example.com:8443' },
  );
  // Two proxies: the first one's entry.
  const two = { 'x-forwarded-for': '203.0.113.7, 10.0.0.2' };
  t.like(read({ ...two, 'x-forwarded-proto': 'https, http', 'x-forwarded-host': 'fn.example.com, inner' }), {
    protocol: 'https',
    host: 'fn.example.com',
  });
  t.like(read({ ...two, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'fn.example.com' }), {
    protocol: 'https',
    host: 'fn.example.com',
  });
});

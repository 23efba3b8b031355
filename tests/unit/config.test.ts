import { availableParallelism } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import test from 'ava';
import { ConfigError, readConfig } from '../../src/config.js';

test('an empty environment gives the defaults', (t) => {
  const config = readConfig({});
  t.like(config, {
    host: '127.0.0.1',
    port: 8000,
    publicUrl: null,
    functions: null,
    dockerHost: null,
    image: null,
    runtime: null,
    maxBodyBytes: 6 * 1024 * 1024,
    maxBodiesBytes: 256 * 1024 * 1024,
    maxZipBytes: 50 * 1024 * 1024,
    maxUnpackedBytes: 250 * 1024 * 1024,
    maxEntries: 20_000,
    maxStarting: 2 * availableParallelism(),
    logLevel: 'info',
    fault: null,
  });
  t.is(config.dir, resolve(import.meta.dirname, '../..'), 'the checkout');
  t.deepEqual(config.trustedProxies.rules, []);
  t.true(config.maxInstances >= 4 && config.maxInstances <= 64);
});

test('an empty value is no value', (t) => {
  t.is(readConfig({ GLAMBDAR_PORT: '', GLAMBDAR_DIR: '', GLAMBDAR_PUBLIC_URL: '' }).port, 8000);
});

test('the directory is absolute whatever is given', (t) => {
  t.is(readConfig({ GLAMBDAR_DIR: 'some/where' }).dir, resolve('some/where'));
  t.true(isAbsolute(readConfig({ GLAMBDAR_DIR: '.' }).dir));
});

test('the listener for functions is there when it has a port, on loopback unless told otherwise', (t) => {
  t.deepEqual(readConfig({ GLAMBDAR_FUNCTIONS_PORT: '8001' }).functions, {
    host: '127.0.0.1',
    port: 8001,
    domain: null,
  });
  const all = {
    GLAMBDAR_FUNCTIONS_PORT: '0',
    GLAMBDAR_FUNCTIONS_HOST: '0.0.0.0',
    GLAMBDAR_FUNCTIONS_DOMAIN: 'Fn.Example.com',
  };
  t.deepEqual(readConfig(all).functions, { host: '0.0.0.0', port: 0, domain: 'fn.example.com' });
  for (const name of ['GLAMBDAR_FUNCTIONS_HOST', 'GLAMBDAR_FUNCTIONS_DOMAIN'] as const)
    t.throws(() => readConfig({ [name]: all[name] }), {
      instanceOf: ConfigError,
      message: `${name} says nothing without GLAMBDAR_FUNCTIONS_PORT; set that, too.`,
    });
});

const numbers: [name: string, min: number, max: number][] = [
  ['GLAMBDAR_PORT', 0, 65_535],
  ['GLAMBDAR_FUNCTIONS_PORT', 0, 65_535],
  ['GLAMBDAR_MAX_BODY_BYTES', 1, 512 * 1024 * 1024],
  ['GLAMBDAR_MAX_BODIES_MB', 1, 1_000_000],
  ['GLAMBDAR_MAX_ZIP_MB', 1, 1_024],
  ['GLAMBDAR_MAX_UNPACKED_MB', 1, 8_192],
  ['GLAMBDAR_MAX_ENTRIES', 1, 1_000_000],
  ['GLAMBDAR_MAX_INSTANCES', 1, 1_000],
  ['GLAMBDAR_MAX_STARTING', 1, 100],
  ['GLAMBDAR_MAX_QUEUE', 0, 100_000],
  ['GLAMBDAR_QUEUE_TIMEOUT_MS', 100, 900_000],
  ['GLAMBDAR_START_TIMEOUT_MS', 500, 120_000],
  ['GLAMBDAR_LOAD_TIMEOUT_MS', 100, 120_000],
  ['GLAMBDAR_KEEP_ALIVE_MS', 0, 86_400_000],
  ['GLAMBDAR_CANCEL_GRACE_MS', 0, 60_000],
  ['GLAMBDAR_SHUTDOWN_MS', 0, 900_000],
  ['GLAMBDAR_REQUEST_TIMEOUT_MS', 1_000, 3_600_000],
  ['GLAMBDAR_MAX_CONNECTIONS', 1, 100_000],
  ['GLAMBDAR_KEEP_RECORDS', 1, 1_000_000],
  ['GLAMBDAR_INSTALL_TIMEOUT_MS', 1_000, 3_600_000],
  ['GLAMBDAR_UID_BASE', 1_000, 2_000_000_000],
  ['GLAMBDAR_DISK_RESERVE_MB', 1, 10_240],
];

for (const [name, min, max] of numbers)
  test(`${name} is a whole number from ${min} to ${max}`, (t) => {
    const room = name === 'GLAMBDAR_MAX_BODY_BYTES' ? { GLAMBDAR_MAX_BODIES_MB: '1024' } : {};
    const small = name === 'GLAMBDAR_MAX_BODIES_MB' ? { GLAMBDAR_MAX_BODY_BYTES: '1' } : {};
    for (const value of [min, max])
      t.notThrows(() => readConfig({ ...room, ...small, [name]: String(value) }));
    for (const value of [
      String(min - 1),
      String(max + 1),
      '1.5',
      '1e3',
      ' 5',
      '0x10',
      'many',
      '9'.repeat(400),
      '-0',
    ])
      t.throws(
        () => readConfig({ [name]: value }),
        { instanceOf: ConfigError, message: new RegExp(`^${name} is "`) },
        value,
      );
  });

test('bodies together have room for the largest one and its answer', (t) => {
  const read = (body: string, bodies: string) =>
    readConfig({ GLAMBDAR_MAX_BODY_BYTES: body, GLAMBDAR_MAX_BODIES_MB: bodies });
  t.notThrows(() => read('1048576', '2'));
  t.throws(() => read('1048577', '2'), {
    instanceOf: ConfigError,
    message:
      "GLAMBDAR_MAX_BODIES_MB is 2; expected room for a call's body and its answer, twice GLAMBDAR_MAX_BODY_BYTES: 3 or more.",
  });
});

const texts: [name: string, taken: string[], refused: string[]][] = [
  [
    'GLAMBDAR_HOST',
    ['127.0.0.1', '::1', '0.0.0.0', 'localhost', 'my-host.example'],
    ['a b', 'http://x', 'a/b', 'x\n', '[::1]'],
  ],
  [
    'GLAMBDAR_PUBLIC_URL',
    ['https://f.example.org', 'http://localhost:8000', 'https://f.example.org/base'],
    [
      'f.example.org',
      'ftp://x',
      'https://',
      'https://user@x',
      'https://:secret@x',
      'https://x/?a',
      'https://x/#a',
    ],
  ],
  [
    'GLAMBDAR_FUNCTIONS_HOST',
    ['127.0.0.1', '::1', '0.0.0.0', 'localhost'],
    ['a b', 'http://x', 'a/b', 'x\n', '[::1]'],
  ],
  [
    'GLAMBDAR_FUNCTIONS_DOMAIN',
    ['fn.example.com', 'localhost', 'a-b.example', 'xn--bcher-kva.example'],
    [
      ...['.example.com', 'example.com.', 'a..b', '*.example.com', 'example.com:80', 'https://example.com'],
      ...[
        'a_b.example',
        '-a.example',
        'a b',
        '127.0.0.1',
        '::1',
        `${'a'.repeat(64)}.example`,
        'a.'.repeat(95) + 'a',
      ],
    ],
  ],
  [
    'GLAMBDAR_TRUSTED_PROXIES',
    ['127.0.0.1', '::1', '10.0.0.0/8,192.168.0.0/16', ' 127.0.0.1 , 2001:db8::/32 ', '0.0.0.0/0'],
    [
      ...['localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0/8', '::/129', '127.0.0.1,', ',', '10.0.0.0/8/8'],
      ...['10.0.0.0-10.0.0.9', '127.0.0.1 ::1', 'fe80::1%eth0', '*', '10.0.0.0/-1', '127.0.0.1:80'],
    ],
  ],
  ['GLAMBDAR_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], ['verbose', 'INFO']],
];

for (const [name, taken, refused] of texts)
  test(`${name} is refused by name when it cannot be used`, (t) => {
    const port = name.startsWith('GLAMBDAR_FUNCTIONS') ? { GLAMBDAR_FUNCTIONS_PORT: '0' } : {};
    for (const value of taken)
      t.notThrows(() => readConfig({ GLAMBDAR_AUTH: 'on', ...port, [name]: value }), value);
    for (const value of refused)
      t.throws(
        () => readConfig({ ...port, [name]: value }),
        { instanceOf: ConfigError, message: new RegExp(`^${name} is "`) },
        value,
      );
  });

test('a misspelt variable is refused with the one that was meant, others are nobody’s business', (t) => {
  t.throws(() => readConfig({ GLAMBDAR_MAX_INSTANCE: '5' }), {
    instanceOf: ConfigError,
    message: /^GLAMBDAR_MAX_INSTANCE is not a setting/,
  });
  t.throws(() => readConfig({ GLAMBDAR_X: '' }), {
    instanceOf: ConfigError,
    message: 'GLAMBDAR_X is not a setting of this server. docs/configuration.md lists them all.',
  });
  t.throws(() => readConfig({ GLAMBDAR_PRT: '80' }), {
    instanceOf: ConfigError,
    message:
      'GLAMBDAR_PRT is not a setting of this server. Did you mean GLAMBDAR_PORT? docs/configuration.md lists them all.',
  });
  t.notThrows(() => readConfig({ HOME: '/', PORT: 'x', GLAMBDAR_URL: 'http://x' }));
});

test('texts for Docker are handed on as they are', (t) => {
  const config = readConfig({
    DOCKER_HOST: 'unix:///x',
    GLAMBDAR_IMAGE: 'node:20',
    GLAMBDAR_RUNTIME: 'runsc',
    GLAMBDAR_FAULT: 'a.b',
  });
  t.like(config, { dockerHost: 'unix:///x', image: 'node:20', runtime: 'runsc', fault: 'a.b' });
});

test('without accounts the server listens on this machine only, and says how to listen elsewhere', (t) => {
  for (const host of ['127.0.0.1', '127.8.9.10', '::1', 'localhost'])
    t.notThrows(() => readConfig({ GLAMBDAR_HOST: host }), host);
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'my-host.example', '127.example']) {
    t.throws(() => readConfig({ GLAMBDAR_HOST: host }), {
      instanceOf: ConfigError,
      message: /^GLAMBDAR_HOST is .* accounts are off: .*Set GLAMBDAR_AUTH=on/,
    });
    t.notThrows(() => readConfig({ GLAMBDAR_HOST: host, GLAMBDAR_AUTH: 'on' }), host);
  }
});

test('accounts are off, registration on and functions without a network unless somebody says otherwise', (t) => {
  t.like(readConfig({}), { auth: false, registration: true, tokenSecret: null, defaultNetwork: 'none' });
  t.like(
    readConfig({
      GLAMBDAR_AUTH: 'on',
      GLAMBDAR_REGISTRATION: 'off',
      GLAMBDAR_TOKEN_SECRET: 'x'.repeat(32),
      GLAMBDAR_DEFAULT_NETWORK: 'bridge',
    }),
    { auth: true, registration: false, tokenSecret: 'x'.repeat(32), defaultNetwork: 'bridge' },
  );
  for (const name of ['GLAMBDAR_AUTH', 'GLAMBDAR_REGISTRATION', 'GLAMBDAR_DEFAULT_NETWORK'])
    t.throws(() => readConfig({ [name]: 'yes' }), {
      instanceOf: ConfigError,
      message: new RegExp(`^${name} is`),
    });
  const error = t.throws(() => readConfig({ GLAMBDAR_TOKEN_SECRET: 'too short' }), {
    instanceOf: ConfigError,
  });
  t.notRegex(error.message, /too short;.*too short/, 'the secret itself is not shown');
});

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
  t.true(config.maxInstances >= 4 && config.maxInstances <= 64);
});

test('an empty value is no value', (t) => {
  t.is(readConfig({ GLAMBDAR_PORT: '', GLAMBDAR_DIR: '', GLAMBDAR_PUBLIC_URL: '' }).port, 8000);
});

test('the directory is absolute whatever is given', (t) => {
  t.is(readConfig({ GLAMBDAR_DIR: 'some/where' }).dir, resolve('some/where'));
  t.true(isAbsolute(readConfig({ GLAMBDAR_DIR: '.' }).dir));
});

const numbers: [name: string, min: number, max: number][] = [
  ['GLAMBDAR_PORT', 0, 65_535],
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
  ['GLAMBDAR_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], ['verbose', 'INFO']],
];

for (const [name, taken, refused] of texts)
  test(`${name} is refused by name when it cannot be used`, (t) => {
    for (const value of taken) t.notThrows(() => readConfig({ GLAMBDAR_AUTH: 'on', [name]: value }), value);
    for (const value of refused)
      t.throws(
        () => readConfig({ [name]: value }),
        { instanceOf: ConfigError, message: new RegExp(`^${name} is "`) },
        value,
      );
  });

test('a misspelt variable is refused, others are nobody’s business', (t) => {
  t.throws(() => readConfig({ GLAMBDAR_MAX_INSTANCE: '5' }), {
    instanceOf: ConfigError,
    message: /^GLAMBDAR_MAX_INSTANCE is not a setting/,
  });
  t.throws(() => readConfig({ GLAMBDAR_X: '' }), {
    instanceOf: ConfigError,
    message: /^GLAMBDAR_X is not a setting/,
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

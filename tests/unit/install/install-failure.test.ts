import test from 'ava';
import { installFailure, shownLog } from '../../../src/install/install-failure.js';
import type { ProxyEntry } from '../../../src/install/registry-proxy.js';

const registryUrl = 'http://127.0.0.1:4873/base/';

function failureOf(log: string, statuses: Record<string, ProxyEntry['status']> = {}, outOfMemory = false) {
  const entries = Object.entries(statuses).map(([path, status]) => ({
    method: 'GET',
    path,
    status,
    bytes: 0,
  }));
  return installFailure({ log, entries, outOfMemory, registryUrl, maxUnpackedBytes: 1000 });
}
const npm = (code: string, rest = ''): string => `npm error code ${code}\n${rest}`;

const failures: [what: string, made: ReturnType<typeof failureOf>, code: string, sentence: RegExp][] = [
  [
    'a package that is missing',
    failureOf(npm('E404'), { '/base/@s%2fnope': 404 }),
    'INSTALL_FAILED',
    /no package "@s\/nope"/,
  ],
  [
    'an archive that is missing',
    failureOf(npm('E404'), { '/base/@s/a/-/a-1.0.0.tgz': 404 }),
    'INSTALL_FAILED',
    /no archive "a-1\.0\.0" of "@s\/a"/,
  ],
  [
    'a version that is missing',
    failureOf(npm('ETARGET', 'npm error notarget No matching version found for a@^9.')),
    'INSTALL_FAILED',
    /"a@\^9"/,
  ],
  ['a lockfile that does not fit', failureOf(npm('EUSAGE')), 'INSTALL_FAILED', /does not fit package\.json/],
  [
    'a wrong checksum',
    failureOf(npm('EINTEGRITY'), { '/base/a': 200 }),
    'INSTALL_FAILED',
    /checksum differs/,
  ],
  ['a contradiction', failureOf(npm('ERESOLVE')), 'INSTALL_FAILED', /contradict/],
  ['another platform', failureOf(npm('EBADPLATFORM')), 'INSTALL_FAILED', /does not run on/],
  ['a full disk', failureOf(npm('ENOSPC')), 'BUNDLE_TOO_LARGE', /more than 1000 bytes/],
  ['no memory', failureOf('', {}, true), 'INSTALL_FAILED', /more memory/],
  ['missing credentials', failureOf(npm('E401'), { '/base/a': 401 }), 'INSTALL_UNAVAILABLE', /credentials/],
  ['a redirect', failureOf(npm('E502'), { '/base/a': 302 }), 'INSTALL_UNAVAILABLE', /redirect/],
  [
    'a registry that is down',
    failureOf(npm('E502'), { '/base/a': 'failed' }),
    'INSTALL_UNAVAILABLE',
    /does not answer/,
  ],
  [
    'a registry in trouble',
    failureOf(npm('E500'), { '/base/a': 503 }),
    'INSTALL_UNAVAILABLE',
    /does not answer/,
  ],
  [
    'something that is no package',
    failureOf(npm('E403'), { '/evil.tgz': 'refused' }),
    'INSTALL_FAILED',
    /"\/evil\.tgz"/,
  ],
  [
    'a git dependency',
    failureOf('npm error syscall spawn git'),
    'INSTALL_FAILED',
    /elsewhere than the registry/,
  ],
  ['a script that fails', failureOf('npm error command failed'), 'INSTALL_FAILED', /install script/],
  ['anything else', failureOf('what?'), 'INSTALL_FAILED', /The log has what it printed/],
];
for (const [what, { code, message }, expected, sentence] of failures) {
  test(`${what} is told in a sentence`, (t) => {
    t.is(code, expected as typeof code);
    t.regex(message, sentence);
  });
}

test('a request that was repeated with success is no failure', (t) => {
  const entries = ([503, 200] as const).map((status) => ({
    method: 'GET',
    path: '/base/a',
    status,
    bytes: 0,
  }));
  const { code } = installFailure({ log: '', entries, outOfMemory: false, registryUrl, maxUnpackedBytes: 1 });
  t.is(code, 'INSTALL_FAILED');
});

test('the log has neither our addresses nor paths of the container nor how to call npm, and is not long', (t) => {
  const log = `\x1b[31mGET ${registryUrl}a\x1b[0m\nnpm error A complete log of this run can be found in: /tmp/x\nnpm error Usage:\nnpm error npm ci\nnpm error Run "npm help ci" for more info\nend`;
  t.is(shownLog(log, registryUrl), 'GET <registry>/a\n\nend');
  t.true(shownLog('x'.repeat(1e6), registryUrl).length <= 4096);
  t.is(failureOf('').details?.['log'], undefined);
  t.is(failureOf('x').details?.['log'], 'x');
});

test('a log that was made to be hard to read takes no time', (t) => {
  // A script of a package can say that it is npm; while its log is read the server answers nobody.
  const logs = ['git '.repeat(60_000), 'npm error Usage:\n'.repeat(15_000), 'npm error '.repeat(25_000)];
  const begun = process.cpuUsage();
  for (const log of logs) t.is(failureOf(log).code, 'INSTALL_FAILED');
  const { user } = process.cpuUsage(begun);
  t.true(user < 500_000, `reading three logs took ${user} µs`);
});

test('how to call npm is left out of the log, and what comes after it is not', (t) => {
  const usage =
    'npm error\nnpm error Usage:\nnpm error npm ci\nnpm error Run "npm help ci" for more info\nnpm error end';
  t.is(shownLog(usage, registryUrl), 'npm error\n\nnpm error end');
  t.is(shownLog('npm error Usage:\nnpm error cut', registryUrl), 'npm error Usage:\nnpm error cut');
});

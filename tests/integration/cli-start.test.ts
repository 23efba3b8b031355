/** `glambdar start` and `npm start`: flags that take effect, flags that are refused, and help that starts nothing. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { CONFIG_VARIABLES } from '../../src/config-variables.js';
import { CommandLine, PROGRAM } from '../helpers/command-line.js';
import { integration } from '../helpers/integration.js';
import { ServerProcess, zipOf } from '../helpers/server-process.js';

const root = join(import.meta.dirname, '../..');
const NOWHERE = 'unix:///nowhere/docker.sock';
const line = new CommandLine(() => 'http://127.0.0.1:9');
test.after.always('the folder is removed', () => line.remove());

const flagOf = (variable: string): string =>
  `--${variable
    .replace(/^GLAMBDAR_/, '')
    .toLowerCase()
    .replaceAll('_', '-')}`;

/** A server that the program itself starts, with these flags. */
const started = (flags: string[], env: Record<string, string> = {}): Promise<ServerProcess> =>
  ServerProcess.start({
    env,
    wrapper: ['bash', '-c', `exec "$0" "$1" start ${flags.join(' ')}`, process.execPath, PROGRAM],
  });

integration('flags of start take effect, and count before variables of the environment', async (t) => {
  const server = await started(
    [
      ...['--host', 'localhost', '--auth', 'on', '--max-zip-mb', '1', '--quota-functions', '1'],
      ...['--functions-port', '0', '--standby', '0', '--log-level=debug'],
    ],
    { GLAMBDAR_AUTH: 'off', GLAMBDAR_HOST: '127.0.0.2', GLAMBDAR_LOG_LEVEL: 'silent' },
  );
  t.teardown(() => server.destroy());
  t.regex(server.url, /^http:\/\/localhost:\d+$/);
  t.regex(server.functionsUrl, /^http:/);
  t.is((await server.request('/info')).status, 401);
  const [, key = ''] = /^Admin key, shown this once: (\S+)$/m.exec(server.stdout) ?? [];
  const deploy = (name: string, bytes: number) => {
    const form = new FormData();
    const files = { 'index.js': 'exports.handler = () => ({ body: 1 });', data: Buffer.alloc(bytes, name) };
    form.append('file', new Blob([new Uint8Array(zipOf(files))]), `${name}.zip`);
    return server.request('/deploy', { method: 'POST', headers: { 'X-API-Key': key }, body: form });
  };
  t.is((await deploy('first', 10)).status, 201);
  t.like((await deploy('second', 10)).json, { code: 'QUOTA_EXCEEDED' });
  const noise = Buffer.from(Array.from({ length: 2_000_000 }, (_, index) => (index * index * 31) % 251));
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(noise)]), 'first.zip');
  const large = await server.request('/deploy', {
    method: 'POST',
    headers: { 'X-API-Key': key },
    body: form,
  });
  t.is(large.status, 413);
  t.regex(server.stderr, /"level":20,/);
  // The directory is the flag's or the variable's, and said once is that the server is ready.
  t.is(`${server.stdout}${server.stderr}`.match(/ready/g)?.length, 1);
  t.regex(server.stderr, /"startMs":\d+,"msg":"started"/);
});

integration('the directory that a flag names is used, whatever the environment says', async (t) => {
  const dir = join(line.folder, 'a directory');
  const server = await started(['--dir', `'${dir}'`, '--port=0', '--standby', '0']);
  t.teardown(() => server.destroy());
  t.true(existsSync(join(dir, 'glambdar.db')));
  t.false(existsSync(join(server.dir, 'glambdar.db')));
});

integration('start refuses an unknown flag, a wrong value and a word too many with a sentence', async (t) => {
  const cases: [args: string[], code: number, said: RegExp][] = [
    [['--prot', '9000'], 2, /^error: unknown option '--prot'\n\(Did you mean --port\?\)\n/],
    [['--port'], 2, /^error: option '--port <port>' argument missing\n/],
    [['--port', 'abc'], 2, /^glambdar: --port is "abc"; expected a whole number from 0 to 65535\.\n$/],
    [['--port=70000'], 2, /^glambdar: --port is "70000"; expected a whole number/],
    [['--auth', 'yes'], 2, /^glambdar: --auth is "yes"; expected one of on, off\.\n$/],
    [['--host', '0.0.0.0'], 2, /^glambdar: --host is "0\.0\.0\.0", and accounts are off: .*GLAMBDAR_AUTH=on/],
    [['--token-secret', 'short'], 2, /^glambdar: --token-secret is too short; expected a random text/],
    [['--public-url', 'here'], 2, /^glambdar: --public-url is "here"; expected a URL/],
    [['now'], 2, /^error: too many arguments for 'start'/],
    [
      ['--docker-host', NOWHERE, '--port', '0'],
      1,
      /^glambdar: Docker is not running or its socket is missing; .*\.\n$/,
    ],
  ];
  for (const [args, code, said] of cases) {
    const ended = await line.run(['start', ...args], { env: { GLAMBDAR_DIR: join(line.folder, 'refused') } });
    t.is(ended.code, code, `${args.join(' ')}: ${ended.stderr}`);
    t.regex(ended.stderr, said);
    t.notRegex(ended.stderr, /\n {4}at /);
    t.is(ended.stdout, '');
  }
  const variable = await line.run(['start'], { env: { GLAMBDAR_PORT: 'abc' } });
  t.is(variable.code, 1);
  t.regex(variable.stderr, /^glambdar: GLAMBDAR_PORT is "abc"; expected a whole number/);
});

integration('help shows every flag with its variable, and starts nothing, also without Docker', async (t) => {
  const direct = await line.run(['start', '--help']);
  t.is(direct.code, 0);
  const npm = await promisify(execFile)('npm', ['start', '--silent', '--', '--help'], {
    cwd: root,
    env: { ...process.env, DOCKER_HOST: NOWHERE },
  });
  for (const text of [direct.stdout, npm.stdout]) {
    // Long meanings are wrapped.
    const words = text.replace(/\s+/g, ' ');
    for (const { name } of CONFIG_VARIABLES) {
      t.true(words.includes(`${flagOf(name)} <`), name);
      t.true(words.includes(`; ${name})`), name);
    }
    t.notRegex(words, /is ready|\]\(/);
  }
});

integration('npm start hands its flags on, and looks for Docker where they say', async (t) => {
  const wrong = await t.throwsAsync(
    promisify(execFile)('npm', ['start', '--silent', '--', '--docker-host', NOWHERE], { cwd: root }),
  );
  t.regex((wrong as Error & { stderr: string }).stderr, /DOCKER_HOST names unix:\/\/\/nowhere\/docker\.sock/);
  const server = await ServerProcess.start({
    wrapper: ['bash', '-c', 'exec npm start --silent -- --port 0 --standby 0 --log-level warn'],
  });
  t.teardown(() => server.destroy());
  t.is((await server.request('/readyz')).status, 200);
  t.is(server.stdout, `Glambdar is ready at ${server.url}\n`);
});

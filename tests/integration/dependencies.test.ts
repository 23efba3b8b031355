/** Dependencies installed at deploy: real npm in real containers, a registry of the test's own as the only witness of the network. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { integration, integrationEnabled } from '../helpers/integration.js';
import { NpmRegistry } from '../helpers/npm-registry.js';
import { ServerProcess, until, zipOf, type Files } from '../helpers/server-process.js';

let registry: NpmRegistry;
let server: ServerProcess;
/** Another machine that nothing may ever contact. */
let contacts = 0;
const elsewhere = createServer((socket) => {
  contacts += 1;
  socket.destroy();
});
let elsewherePort = 0;

if (integrationEnabled) {
  test.before('registry and server start', async (t) => {
    t.timeout(70_000);
    registry = await NpmRegistry.start();
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    elsewherePort = (elsewhere.address() as AddressInfo).port;
    server = await ServerProcess.start({
      env: { GLAMBDAR_NPM_REGISTRY: registry.url, GLAMBDAR_LOG_LEVEL: 'debug', GLAMBDAR_STANDBY: '1' },
    });
  });
  test.after.always('nothing is left behind', async (t) => {
    t.timeout(75_000);
    await server?.destroy();
    registry?.close();
    elsewhere.close();
  });
}

const index = (name: string): string =>
  `exports.handler = () => ({ body: require(${JSON.stringify(name)}) });`;
const manifest = (dependencies: object, more: object = {}): string =>
  JSON.stringify({ dependencies, ...more });
const lockfile = (dependencies: object, packages: Record<string, object>): string =>
  JSON.stringify({ lockfileVersion: 3, packages: { '': { dependencies }, ...packages } });

/** What the registry was asked while `work` ran. */
async function askedWhile(work: () => Promise<unknown>): Promise<string[]> {
  const before = registry.asked.length;
  await work();
  return registry.asked.slice(before);
}

async function deployed(name: string, files: Files, fields: Record<string, unknown> = {}): Promise<void> {
  const answer = await server.deploy(name, files, fields);
  if (answer.status !== 201) throw new Error(`${name}: ${answer.status} ${answer.text}`);
}

integration(
  'a lockfile is installed once: the second deploy asks for nothing, and shares the files',
  async (t) => {
    const inner = await registry.publish('@scope/inner');
    const outer = await registry.publish('outer', {
      manifest: { dependencies: { '@scope/inner': '^1' } },
      files: { 'index.js': `module.exports = ['outer', require('@scope/inner')];` },
    });
    const dependencies = { outer: '^1', alias: 'npm:outer@1.0.0' };
    const files = {
      'index.js': index('alias'),
      'package.json': manifest(dependencies, {
        scripts: { postinstall: 'exit 1' },
        devDependencies: { x: 'file:x' },
      }),
      'package-lock.json': lockfile(dependencies, {
        'node_modules/outer': {
          ...outer,
          resolved: 'https://registry.npmjs.org/outer/-/outer-1.0.0.tgz',
          dependencies: { '@scope/inner': '^1' },
        },
        'node_modules/alias': {
          ...outer,
          name: 'outer',
          resolved: 'https://evil.example/outer/-/outer-1.0.0.tgz',
          dependencies: { '@scope/inner': '^1' },
        },
        'node_modules/@scope/inner': {
          ...inner,
          resolved: `http://127.0.0.1:${elsewherePort}/@scope/inner/-/inner-1.0.0.tgz`,
        },
      }),
    };
    const first = await askedWhile(() => deployed('first', files));
    t.deepEqual([...new Set(first)].sort(), [
      'GET /@scope/inner/-/inner-1.0.0.tgz',
      'GET /outer/-/outer-1.0.0.tgz',
    ]);
    t.deepEqual((await server.invoke('first')).json, ['outer', '@scope/inner']);
    t.deepEqual(await askedWhile(() => deployed('second', files)), []);
    t.deepEqual((await server.invoke('second')).json, ['outer', '@scope/inner']);
    const digest = async (name: string): Promise<string> =>
      (await server.request(`/info/${name}`)).json.digest;
    t.is(await digest('first'), await digest('second'));
    await server.restart();
    t.deepEqual(await askedWhile(() => deployed('third', files)), [], 'also after a restart');
    t.deepEqual((await server.invoke('third')).json, ['outer', '@scope/inner']);
    t.deepEqual((await server.invoke('first')).json, ['outer', '@scope/inner'], 'its digest still holds');
  },
);

integration(
  'without a lockfile the newest fitting version is installed, and the answer says so',
  async (t) => {
    await registry.publish('ranged', { version: '1.0.0' });
    await registry.publish('ranged', { version: '1.2.0', files: { 'index.js': 'module.exports = "1.2.0"' } });
    const files = {
      'index.js': index('ranged'),
      'package.json': manifest({ ranged: '^1' }),
      'yarn.lock': '#',
    };
    const answer = await server.deploy('ranged', files);
    t.is(answer.status, 201, answer.text);
    t.regex(answer.json.notes.join(), /yarn\.lock is not read/);
    t.is((await server.invoke('ranged')).json, '1.2.0');
  },
);

integration('scripts of packages run only when the function asks for it, and reach nothing', async (t) => {
  const script = `
    const http = require('node:http'), fs = require('node:fs'), net = require('node:net');
    const asked = (path) => new Promise((done) => http.get({ port: 4873, path }, (res) => done(res.resume().statusCode)).on('error', (e) => done(e.code)));
    const connected = (port, host) => new Promise((done) => net.connect(port, host).on('connect', () => done('connected')).on('error', (e) => done(e.code)));
    const written = (path) => { try { fs.writeFileSync(path, 'x'); return 'written'; } catch (e) { return e.code; } };
    (async () => fs.writeFileSync('marker.json', JSON.stringify({
      whoami: await asked('/-/whoami'), up: await asked('/../x'), elsewhere: await connected(${elsewherePort}, '127.0.0.1'),
      outside: await connected(80, '192.0.2.1'), slot: written('/slot/x'), npm: written('/npm/x'), root: written('/x'), uid: process.getuid() > 0,
    })))();`;
  await registry.publish('scripted', {
    manifest: { scripts: { postinstall: 'node mark.js' } },
    files: {
      'mark.js': script,
      'index.js': `try { module.exports = require('./marker.json'); } catch { module.exports = 'no marker'; }`,
    },
  });
  const files = { 'index.js': index('scripted'), 'package.json': manifest({ scripted: '1.0.0' }) };
  await deployed('quiet', files);
  t.is((await server.invoke('quiet')).json, 'no marker');
  await deployed('loud', files, { installScripts: true });
  t.deepEqual((await server.invoke('loud')).json, {
    whoami: 403,
    up: 403,
    elsewhere: 'ECONNREFUSED',
    outside: 'ENETUNREACH',
    slot: 'EROFS',
    npm: 'EROFS',
    root: 'EROFS',
    uid: true,
  });
  t.is((await server.invoke('quiet')).json, 'no marker', 'trees with and without scripts are two');
  await registry.publish('linker', {
    manifest: { scripts: { postinstall: 'node link.js' } },
    files: { 'link.js': `require('node:fs').symlinkSync('/etc/passwd', 'stolen')`, 'index.js': '' },
  });
  const answer = await server.deploy(
    'linker',
    { 'index.js': index('linker'), 'package.json': manifest({ linker: '1.0.0' }) },
    { installScripts: true },
  );
  t.is(answer.status, 422);
  t.is(answer.json.code, 'INSTALL_FAILED');
  t.regex(answer.json.error, /symbolic link/);
});

integration(
  'what is not of the registry is refused, or fetched from the registry and nowhere else',
  async (t) => {
    const good = await registry.publish('good');
    const host = `http://127.0.0.1:${elsewherePort}`;
    const locked = (entry: object): Files => ({
      'package.json': manifest({ good: '1.0.0' }),
      'package-lock.json': lockfile(
        { good: '1.0.0' },
        { 'node_modules/good': { version: '1.0.0', ...entry } },
      ),
    });
    const cases: [what: string, files: Files, status: number, text: RegExp][] = [
      ['file', { 'package.json': manifest({ x: 'file:../../x' }) }, 422, /folder or file/],
      ['git', { 'package.json': manifest({ x: 'git+ssh://git@127.0.0.1/x.git' }) }, 422, /git repository/],
      ['github', { 'package.json': manifest({ x: 'a/b' }) }, 422, /GitHub/],
      ['tarball', { 'package.json': manifest({ x: `${host}/x.tgz` }) }, 422, /outside the registry/],
      ['workspace', { 'package.json': manifest({ x: 'workspace:*' }) }, 422, /workspace/],
      ['resolved', locked({ ...good, resolved: `${host}/evil.tgz` }), 422, /no package of a registry/],
      ['link', locked({ resolved: '../x', link: true }), 422, /folder beside the function/],
      ['moved', locked({ ...good, resolved: `${host}/good/-/good-1.0.0.tgz` }), 201, /./],
      ['unchecked', locked({ resolved: `${host}/good/-/good-1.0.0.tgz` }), 201, /no checksum/],
      ['changed', locked({ integrity: `sha512-${'A'.repeat(86)}==` }), 422, /checksum differs/],
      [
        'npmrc',
        { 'package.json': manifest({ good: '^1' }), '.npmrc': `registry=${host}/\nignore-scripts=false\n` },
        201,
        /./,
      ],
      ['missing', { 'package.json': manifest({ nowhere: '1' }) }, 422, /no package \\"nowhere\\"/],
      ['version', { 'package.json': manifest({ good: '^9' }) }, 422, /good@\^9/],
      [
        'apart',
        { ...locked(good), 'package.json': manifest({ good: '1.0.0', outer: '1' }) },
        422,
        /does not fit package\.json/,
      ],
    ];
    for (const [what, files, status, text] of cases) {
      const answer = await server.deploy(what, { 'index.js': index('good'), ...files });
      t.is(answer.status, status, `${what}: ${answer.text}`);
      t.regex(answer.text, text, what);
      if (status === 422) t.is(answer.json.code, 'INSTALL_FAILED', what);
      t.notRegex(answer.text, /\/tmp\/|4873|127\.0\.0\.1:(?!\d+\/(evil|x)\.tgz)/, what);
    }
    // A dependency of a dependency, of which the bundle's own files say nothing.
    await registry.publish('sly', {
      manifest: { dependencies: { evil: `${host}/evil.tgz`, worse: 'git+ssh://git@127.0.0.1/x.git' } },
    });
    const sly = await server.deploy('sly', {
      'index.js': index('sly'),
      'package.json': manifest({ sly: '1' }),
    });
    t.is(sly.json.code, 'INSTALL_FAILED', sly.text);
    t.is(contacts, 0, 'nothing else was ever contacted');
  },
);

integration(
  'progress comes in lines when the client asks for it, and the last line is the result',
  async (t) => {
    const names = ['lines', 'lines-b', 'lines-c', 'lines-d'];
    for (const name of names) await registry.publish(name);
    const post = async (name: string, files: Files) => {
      const form = new FormData();
      form.append('file', new Blob([new Uint8Array(zipOf(files))]), `${name}.zip`);
      const answer = await server.request('/deploy', {
        method: 'POST',
        body: form,
        headers: { accept: 'application/x-ndjson' },
      });
      return {
        answer,
        lines: answer.text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      };
    };
    const before = registry.asked.length;
    const said = (lines: object[]): number =>
      lines.filter((one) => JSON.stringify(one).includes('no package-lock.json')).length;
    const good = await post('lines', {
      'index.js': index('lines'),
      'package.json': manifest(Object.fromEntries(names.map((name) => [name, '1']))),
    });
    t.is(good.answer.status, 200);
    t.true(good.lines.some(({ progress }) => progress === 'Installing dependencies.'));
    t.like(good.lines.at(-1), { function: 'lines', status: 'deployed', version: 1 });
    t.is(said(good.lines), 1, 'a note is told once: in the result');
    // The last count is the whole: a document and an archive of each package.
    const counts = good.lines.flatMap(
      ({ progress = '' }) => /^Fetched (\d+) files? /.exec(progress)?.[1] ?? [],
    );
    t.is(registry.asked.length - before, 2 * names.length);
    t.is(Number(counts.at(-1)), 2 * names.length, counts.join());
    const bad = await post('bad', { 'index.js': '', 'package.json': manifest({ nowhere: '1' }) });
    t.like(bad.lines.at(-1), { code: 'INSTALL_FAILED', status: 422 });
    t.regex(bad.lines.at(-1).log, /E404/);
    const early = await post('early', { 'index.js': '', 'package.json': manifest({ x: 'file:x' }) });
    t.is(early.answer.status, 422, 'before the first line an error has its own status');
  },
);

/** Archives of this package are not answered; resolves when one is asked for. */
function stalled(name: string): Promise<void> {
  return new Promise((resolve) => {
    registry.intercept = (req) => {
      if (!req.url!.startsWith(`/${name}/-/`)) return false;
      resolve();
      return true;
    };
  });
}

const installs = async (): Promise<number> =>
  (await server.containers()).filter(({ Names }) => Names.some((name) => name.includes('install'))).length;
const leftovers = (): string[] => [
  ...readdirSync(join(server.dir, 'tmp')),
  ...readdirSync(join(server.dir, 'run')).filter((name) => name.startsWith('install')),
];

integration('an install ends with its client, and nothing of it is left', async (t) => {
  await registry.publish('slow');
  const asked = stalled('slow');
  const gone = new AbortController();
  const form = new FormData();
  const files = { 'index.js': index('slow'), 'package.json': manifest({ slow: '1' }) };
  form.append('file', new Blob([new Uint8Array(zipOf(files))]), 'slow.zip');
  const request = server.request('/deploy', { method: 'POST', body: form, signal: gone.signal });
  await asked;
  t.is(await installs(), 1);
  gone.abort();
  t.is(await request.catch(() => 'gone'), 'gone');
  await until('the container is removed', async () => (await installs()) === 0 && leftovers().length === 0);
  registry.intercept = () => false;
  await deployed('slow', files);
  t.is((await server.invoke('slow')).json, 'slow');
});

integration('a server that is killed during an install leaves nothing after its next start', async (t) => {
  await registry.publish('doomed');
  const asked = stalled('doomed');
  const files = { 'index.js': index('doomed'), 'package.json': manifest({ doomed: '1' }) };
  const request = server.deploy('doomed', files);
  request.catch(() => undefined);
  await asked;
  const before = readdirSync(join(server.dir, 'dependencies')).sort();
  await server.kill();
  await t.throwsAsync(request);
  registry.intercept = () => false;
  await server.restart();
  t.is(await installs(), 0);
  t.deepEqual(leftovers(), []);
  t.true(readdirSync(join(server.dir, 'dependencies')).every((key) => before.includes(key)));
  t.is((await server.request('/info/doomed')).status, 404);
  await deployed('doomed', files);
});

/** The request of the original faas client. */
function deployedByFaas(name: string, files: Files, signal?: AbortSignal) {
  const body = JSON.stringify({ name, file: zipOf(files).toString('base64') });
  return server.request('/functions', { method: 'POST', body, ...(signal && { signal }) });
}

integration('an install for a client of faas ends with this client, too', async (t) => {
  await registry.publish('slower');
  const asked = stalled('slower');
  const gone = new AbortController();
  const files = { 'index.js': '', 'package.json': manifest({ slower: '1' }) };
  const request = deployedByFaas('slower', files, gone.signal);
  await asked;
  gone.abort();
  t.is(await request.catch(() => 'gone'), 'gone');
  await until('the container is removed', async () => (await installs()) === 0 && leftovers().length === 0);
  registry.intercept = () => false;
});

integration('SIGTERM during installs: every client is answered, and nothing is left', async (t) => {
  await registry.publish('endless');
  await server.restart({ GLAMBDAR_SHUTDOWN_MS: '300' });
  const files = { 'index.js': '', 'package.json': manifest({ endless: '1' }) };
  const asked = stalled('endless');
  const native = server.deploy('endless', files);
  await asked;
  const again = stalled('endless');
  const faas = deployedByFaas('endless-too', { ...files, 'package.json': manifest({ endless: '^1' }) });
  await again;
  t.is(await installs(), 2);
  t.is(await server.stop(), 0);
  t.like(JSON.parse((await native).text), { code: 'STOPPING' });
  t.is((await faas).status, 400);
  t.regex((await faas).json.info, /The server stopped/);
  t.is(await installs(), 0);
  t.deepEqual(leftovers(), []);
  registry.intercept = () => false;
  await server.restart();
});

integration('a registry that is away is this server’s fault, not the caller’s', async (t) => {
  registry.intercept = (req) => {
    req.socket.destroy();
    return true;
  };
  const answer = await server.deploy('away', { 'index.js': '', 'package.json': manifest({ away: '1' }) });
  registry.intercept = () => false;
  t.is(answer.status, 503, answer.text);
  t.is(answer.json.code, 'INSTALL_UNAVAILABLE');
  t.notRegex(answer.text, /127\.0\.0\.1/);
});

integration(
  'the example is installed from the registry that npm on this machine is configured with',
  async (t) => {
    const own = await ServerProcess.start({ env: { GLAMBDAR_STANDBY: '1' } });
    t.teardown(() => own.destroy());
    const example = join(import.meta.dirname, '../../examples/dependencies');
    const names = ['index.js', 'package.json', 'package-lock.json'];
    const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(example, name))]));
    t.false(existsSync(join(example, 'node_modules')));
    const answer = await own.deploy('markdown', files);
    t.is(answer.status, 201, answer.text);
    t.is((await own.invoke('markdown', { body: '# Title\n' })).text, '<h1>Title</h1>\n');
  },
);

/** What real packages and loggers find in a container: packages from npm, installed here as an author would, and their neighbours. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { nodeVersion } from '../../src/driver/docker/image/node-package.js';
import { integration } from '../helpers/integration.js';
import { serverForFile } from '../helpers/server-process.js';

const run = promisify(execFile);
const server = serverForFile({ env: { GLAMBDAR_STANDBY: '2' } });

/** A zip of `index.js` with these packages beside it. */
async function bundleWith(t: ExecutionContext, packages: string[], index: string): Promise<Buffer> {
  const dir = mkdtempSync(join(tmpdir(), 'glambdar-packages-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const code = join(dir, 'code');
  const npm = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', code, ...packages];
  await run('npm', npm, { timeout: 120_000 });
  writeFileSync(join(code, 'index.js'), index);
  const zip = join(dir, 'code.zip');
  await run(process.execPath, [join(import.meta.dirname, '../../scripts/zip.mjs'), code, zip]);
  return readFile(zip);
}

integration('packages with prebuilt addons load and run', async (t) => {
  const zip = await bundleWith(
    t,
    ['@node-rs/argon2', '@resvg/resvg-js', 'lightningcss'],
    `const { hash, verify } = require('@node-rs/argon2');
     const { Resvg } = require('@resvg/resvg-js');
     const { transform } = require('lightningcss');
     exports.handler = async () => ({ body: {
       argon2: await verify(await hash('pw'), 'pw'),
       png: new Resvg('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>').render().asPng().length > 50,
       css: transform({ filename: 'a', code: Buffer.from('a { color: red; }'), minify: true }).code.toString(),
     } });`,
  );
  const deployed = await server().deploy('addons', zip);
  t.is(deployed.status, 201, deployed.text);
  const answer = await server().invoke('addons');
  t.deepEqual(answer.json, { argon2: true, png: true, css: 'a{color:red}' }, answer.text);
});

integration('a program that a function puts into /tmp runs', async (t) => {
  await server().deployed(
    'unpacks',
    `const { copyFileSync, chmodSync } = require('node:fs');
     const { execFileSync } = require('node:child_process');
     exports.handler = () => {
       const linker = '/lib64/ld-linux-x86-64.so.2';
       const program = process.arch === 'x64' ? linker : '/lib/ld-linux-aarch64.so.1';
       copyFileSync(program, '/tmp/program');
       chmodSync('/tmp/program', 0o755);
       return { body: execFileSync('/tmp/program', ['--version'], { encoding: 'utf8' }).split('\\n')[0] };
     };`,
  );
  const answer = await server().invoke('unpacks');
  t.regex(answer.text, /ld\.so/, answer.text);
});

integration('hundreds of files are read at once', async (t) => {
  await server().deployed(
    'reads',
    `const fs = require('node:fs/promises');
     exports.handler = async () => {
       const names = Array.from({ length: 600 }, (_, index) => '/tmp/' + index);
       for (const name of names) await fs.writeFile(name, name);
       const handles = await Promise.all(names.map((name) => fs.open(name)));
       return { body: (await Promise.all(handles.map((handle) => handle.readFile('utf8')))).length };
     };`,
  );
  t.is((await server().invoke('reads')).text, '600');
});

integration("a logger's lines belong to their call, in order, with both isolations", async (t) => {
  const zip = await bundleWith(
    t,
    ['pino'],
    `const log = require('pino')();
     exports.handler = async (req) => { log.info('pino ' + req.body); console.log('console ' + req.body); log.warn('end'); return { body: 1 }; };`,
  );
  for (const isolation of ['invocation', 'function']) {
    const deployed = await server().deploy('logs', zip, { isolation });
    t.is(deployed.status, 201, deployed.text);
    for (const body of ['a', 'b']) {
      const id = (await server().invoke('logs', { body })).headers.get('x-invocation-id');
      const { stdout } = (await server().request(`/invocations/${id}`)).json;
      t.regex(
        stdout,
        new RegExp(`"pino ${body}"}\\nconsole ${body}\\n.*"end"}\\n$`),
        `${isolation}: ${stdout}`,
      );
    }
  }
});

integration('variables of a starting Node take effect, or are refused with what to do', async (t) => {
  const report = `exports.handler = () => ({ body: [process.sourceMapsEnabled, globalThis.before, require('shared')] });`;
  const files = {
    'index.js': report,
    'before.cjs': 'globalThis.before = 7',
    'lib/shared.js': 'module.exports = 5',
  };
  const env = { NODE_OPTIONS: '--enable-source-maps -r ./before.cjs', NODE_PATH: 'lib' };
  const deployed = await server().deploy('variables', files, { env: JSON.stringify(env) });
  t.is(deployed.status, 201, deployed.text);
  t.deepEqual((await server().invoke('variables')).json, [true, 7, 5]);
  const refused = await server().deploy('variables', files, {
    env: JSON.stringify({ NODE_OPTIONS: '--max-old-space-size=9' }),
  });
  t.is(refused.status, 400);
  t.like(refused.json, { code: 'INVALID_REQUEST' });
  t.regex(refused.json.error, /NODE_OPTIONS cannot have "--max-old-space-size".*memoryMb/);
  const config = await server().request('/config/variables', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ env: { NODE_DEBUG: 'net' } }),
  });
  t.is(config.status, 400, config.text);
  t.like((await server().request('/info/variables')).json, { version: 1 });
});

integration('an addon of another Node is refused with the Node that functions run on', async (t) => {
  const said =
    "The module 'a.node'\\nwas compiled against a different Node.js version using\\nNODE_MODULE_VERSION 115. This version of Node.js requires\\nNODE_MODULE_VERSION 137.";
  const { status, json } = await server().deploy('other', {
    'index.js': `console.log('so far'); throw new Error("${said}");`,
  });
  t.is(status, 422);
  t.like(json, { code: 'LOAD_FAILED', stdout: 'so far\n' });
  t.regex(
    json.error,
    /NODE_MODULE_VERSION 115\. This version of Node\.js requires NODE_MODULE_VERSION 137\. /,
  );
  t.true(
    json.error.includes(`Functions run on Node ${nodeVersion}, linux ${process.arch}, glibc`),
    json.error,
  );
});

integration('a load of seconds has a whole core, its call only its share', async (t) => {
  // At a tenth of a core this load would take longer than a load may, which is ten seconds.
  await server().deployed(
    'slow',
    `const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
     const compute = (ms) => { for (const end = used() + ms; used() < end; ) for (let i = 0; i < 1e5; i += 1); };
     compute(1500);
     exports.handler = () => {
       const begin = Date.now();
       compute(250);
       return { body: Date.now() - begin };
     };`,
    { cpus: 0.1 },
  );
  const tookMs = Number((await server().invoke('slow')).text);
  t.true(tookMs > 1000, `250 ms of CPU time took ${tookMs} ms`);
});

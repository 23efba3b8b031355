import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import * as tls from 'node:tls';
import test from 'ava';
import { FunctionProcess } from '../../../helpers/function-process.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

const report = `exports.handler = () => ({ body: {
  options: process.env.NODE_OPTIONS, maps: process.sourceMapsEnabled, limit: Error.stackTraceLimit, order: globalThis.order,
  warned: process.listenerCount('warning'), throws: process.throwDeprecation ?? false, traces: process.traceDeprecation ?? false,
  silent: process.noDeprecation ?? false, dns: require('node:dns').getDefaultResultOrder() } });`;

test('NODE_OPTIONS take effect before the code is loaded, files preloaded in the order of Node', async (t) => {
  const NODE_OPTIONS =
    '--import ./b.mjs --enable-source-maps --require "./a a.cjs" -r=pkg --stack-trace-limit=77 --dns-result-order ipv4first --no-warnings --trace-deprecation';
  const fn = await FunctionProcess.load(
    t,
    {
      'index.js': `if (globalThis.order !== 'a pkg b ') throw new Error(globalThis.order); ${report}`,
      'a a.cjs': "globalThis.order = (globalThis.order ?? '') + 'a ';",
      'b.mjs': "await null; globalThis.order += 'b ';",
      'node_modules/pkg/index.js': "globalThis.order += 'pkg ';",
    },
    { env: { NODE_OPTIONS } },
  );
  t.deepEqual(await fn.json(), {
    options: NODE_OPTIONS,
    maps: true,
    limit: 77,
    order: 'a pkg b ',
    warned: 0,
    throws: false,
    traces: true,
    silent: false,
    dns: 'ipv4first',
  });
});

test('a file of NODE_OPTIONS that does not load is a load that fails', async (t) => {
  const env = { NODE_OPTIONS: '-r ./gone.cjs' };
  const error = await FunctionProcess.loadError(t, report, { env });
  t.regex(error.message, /^Cannot find module '\.\/gone\.cjs'/);
});

test('NODE_PATH is searched, relative to the code', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    {
      'index.js': "const five = require('shared'); exports.handler = () => ({ body: five });",
      'lib/shared.js': 'module.exports = 5',
    },
    { env: { NODE_PATH: './lib' } },
  );
  t.is(await fn.json(), 5);
});

test('variables that Node reads late take effect by themselves', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    `const { pbkdf2 } = require('node:crypto');
     const threads = () => require('node:fs').readdirSync('/proc/self/task').length;
     exports.handler = async () => {
       const before = threads();
       await Promise.all([1, 2, 3, 4].map(() => new Promise((done) => pbkdf2('a', 'b', 1, 8, 'sha512', done))));
       return { body: { hour: new Date(0).getHours(), threads: threads() - before, warned: process.listenerCount('warning') } };
     };`,
    { env: { TZ: 'Asia/Tokyo', UV_THREADPOOL_SIZE: '1', NODE_NO_WARNINGS: '1' } },
  );
  t.deepEqual(await fn.json(), { hour: 9, threads: 1, warned: 0 });
});

test('NODE_EXTRA_CA_CERTS are trusted, or the load says why not', async (t) => {
  const dir = temporaryDirectory(t);
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', ...made, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const env = { NODE_EXTRA_CA_CERTS: cert };
  const source = `const fs = require('node:fs'); const https = require('node:https');
    exports.handler = (req) => new Promise((resolve) => {
      const server = https.createServer({ key: fs.readFileSync('${key}'), cert: fs.readFileSync('${cert}') }, (_, res) => res.end('hi'));
      server.listen(0, () => https.get({ host: 'localhost', port: server.address().port }, (res) => {
        res.resume(); server.close(); resolve({ body: res.statusCode });
      }).on('error', (error) => { server.close(); resolve({ body: error.code }); }));
    });`;
  if (!('setDefaultCACertificates' in tls)) {
    const error = await FunctionProcess.loadError(t, source, { env });
    t.regex(error.message, /^NODE_EXTRA_CA_CERTS needs Node 22\.19 or 24\.5; this is Node /);
    return;
  }
  t.is(await (await FunctionProcess.load(t, source, { env })).json(), 200);
  const untrusting = await FunctionProcess.load(t, source);
  t.is(await untrusting.json(), 'DEPTH_ZERO_SELF_SIGNED_CERT');
  const gone = { env: { NODE_EXTRA_CA_CERTS: 'gone.pem' } };
  t.regex((await FunctionProcess.loadError(t, source, gone)).message, /the file gone\.pem cannot be read/);
});

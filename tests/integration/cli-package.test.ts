/** The package as its users get it: the tarball that `npm pack` makes, installed in a folder of theirs, and `npm link`. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { CommandLine } from '../helpers/command-line.js';
import { integration, integrationEnabled } from '../helpers/integration.js';
import { ServerProcess } from '../helpers/server-process.js';

const root = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const folder = mkdtempSync(join(tmpdir(), 'glambdar-package-'));
/** A folder with the package in it, as its users have one. */
const project = join(folder, 'project');
const program = join(project, 'node_modules/.bin/glambdar');

/** Runs a program to its end. Rejects with its output unless it ends with 0. @returns what it wrote to stdout */
async function run(
  command: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env: { ...process.env, ...env } });
  return stdout;
}

if (integrationEnabled)
  test.before('the package is packed, and installed from its tarball', async (t) => {
    t.timeout(150_000);
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{"name":"project","private":true,"type":"module"}');
    const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], root);
    const [tarball] = JSON.parse(packed) as { filename: string }[];
    // From npm's cache where it can be; the set-up has installed the same dependencies.
    const options = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
    await run('npm', ['install', ...options, join(folder, tarball?.filename ?? '')], project);
  });
test.after.always('the folder is removed', () => rmSync(folder, { recursive: true, force: true }));

integration('the package from the tarball holds the command line and no sources or tests', async (t) => {
  const installed = join(project, 'node_modules/glambdar');
  for (const path of ['dist/src/main.js', 'worker/glambdar.d.ts', 'docs/cli.md', 'README.md', 'LICENSE'])
    t.true(existsSync(join(installed, path)), path);
  for (const path of ['src', 'tests', 'functions', 'node_modules/typescript'])
    t.false(existsSync(join(installed, path)), path);
  t.is(await run('npx', ['--no-install', 'glambdar', '--version'], project), `${version}\n`);
});

integration(
  'a server started from the tarball runs a function made, deployed and called with it',
  async (t) => {
    // Where nobody names a directory, an installed package keeps its data in the user's own, and not beside its code.
    const server = await ServerProcess.start({
      wrapper: ['bash', '-c', 'exec "$0" start --standby 0', program],
      env: { GLAMBDAR_DIR: '', XDG_DATA_HOME: join(folder, 'data') },
      dir: join(folder, 'data/glambdar'),
    });
    t.teardown(() => server.destroy());
    const line = new CommandLine(() => server.url, program);
    t.teardown(() => line.remove());
    t.true(existsSync(join(folder, 'data/glambdar/glambdar.db')));
    const said = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await line.run(args);
      t.is(code, 0, stderr);
      return stdout;
    };
    t.regex(await said('init', 'hello', '--template', 'esm'), /hello is in /);
    t.regex(await said('deploy', 'hello'), /hello version 1 is live/);
    t.is(await said('invoke', 'hello', '-d', '{"name":"Ada"}'), '{"message":"Hello, Ada!"}');
    t.regex(await said('list'), /^hello +1 +1 +0 /m);
    t.regex(await said('backup', 'all.backup', '--dir', server.dir), /^1 function backed up/);
    const unit = await said('service', 'install', '--print');
    t.true(unit.includes(join(project, 'node_modules/glambdar/dist/src/cli/main.js')), unit);
  },
);

integration('a handler’s types are found in the installed package by tsc', async (t) => {
  const compile = (source: string): Promise<string> => {
    writeFileSync(join(project, 'index.ts'), source);
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--lib', 'es2022,dom'];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    return run(process.execPath, [tsc, ...options, 'index.ts'], project);
  };
  const handler = (body: string): string => `import type { Handler } from 'glambdar';
export const handler: Handler = async (req) => { ${body} };\n`;
  await t.notThrowsAsync(compile(handler('return { statusCode: 200, body: await req.json() };')));
  const error = await t.throwsAsync(compile(handler('return { statusCode: "200" };')));
  t.regex((error as Error & { stdout: string }).stdout, /Type 'string' is not assignable to type 'number'/);
});

integration('npm link puts the command of the checkout where its user’s programs are', async (t) => {
  const prefix = join(folder, 'prefix');
  mkdirSync(prefix);
  const env = { npm_config_prefix: prefix };
  await run('npm', ['link', '--no-audit', '--no-fund', '--loglevel=error'], root, env);
  t.is(await run(join(prefix, 'bin/glambdar'), ['--version'], folder), `${version}\n`);
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'package.json'), '{"name":"other","private":true}');
  await run('npm', ['link', 'glambdar', '--no-audit', '--no-fund', '--loglevel=error'], other, env);
  t.is(await run('npx', ['--no-install', 'glambdar', '--version'], other), `${version}\n`);
});

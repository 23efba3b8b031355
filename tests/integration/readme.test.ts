/** README's quick start, run as it is written. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { integration } from '../helpers/integration.js';
import { serverForFile, until } from '../helpers/server-process.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const server = serverForFile({ env: { GLAMBDAR_STANDBY: '2', GLAMBDAR_UID_BASE: '740000' } });

/** The blocks of shell commands below a heading. */
function blocks(heading: string): string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, section = ''] = new RegExp(`\n## ${heading}\n([^]*?)\n## `).exec(readme) ?? [];
  return [...section.matchAll(/```sh\n([^]*?)```/g)].map(([, commands = '']) =>
    commands.replaceAll('http://127.0.0.1:8000', server().url),
  );
}

/** A folder with those parts of the checkout that commands need. */
function checkout(t: ExecutionContext, ...parts: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'glambdar-readme-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const part of parts) symlinkSync(join(root, part), join(folder, part));
  return folder;
}

integration("README's quick start does what it says", async (t) => {
  const folder = checkout(t, 'scripts');
  const [commands = ''] = blocks('Quick start');
  t.regex(commands, /^curl -F file=@hello\.zip/m);
  const { stdout } = await run('bash', ['-euc', commands.replaceAll(/^(curl .*)$/gm, '$1\necho')], {
    cwd: folder,
    timeout: 60_000,
  });
  const lines = stdout.split('\n').filter((line) => line !== '');
  const [, deployed, answer, info, logs, deleted] = lines;
  t.regex(deployed ?? '', /^\{"function":"hello","status":"deployed","version":1,/);
  t.is(answer, '{"message":"Hello, Ada!"}');
  t.like(JSON.parse(info ?? ''), { count: 1 });
  t.like(JSON.parse(logs ?? '')[0], { funcName: 'hello', status: 200, stdout: 'greeting Ada\n' });
  t.is(deleted, '{"deleted":"hello"}');
});

integration("README's own function is live after every save", async (t) => {
  const folder = checkout(t, 'scripts', 'dist', 'node_modules', 'package.json');
  const [, commands = '', ...more] = blocks('Quick start');
  t.deepEqual(more, []);
  // In a group of its own, as the commands of a terminal are, which Ctrl-C ends together.
  const shell = spawn('bash', ['-euc', commands], {
    cwd: folder,
    detached: true,
    env: { ...process.env, GLAMBDAR_URL: server().url, HOME: folder, npm_config_offline: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise((resolve) => shell.once('close', resolve));
  const interrupt = (): void => {
    if (shell.exitCode === null && shell.signalCode === null) process.kill(-Number(shell.pid), 'SIGINT');
  };
  t.teardown(interrupt);
  const says = (answer: string): Promise<void> =>
    until(`it says ${answer}`, async () => (await server().invoke('mine')).text.includes(answer));
  await says('Hello');
  const code = join(folder, 'mine/index.js');
  for (const [word, next] of [
    ['Hello', 'Bye'],
    ['Bye', 'Ahoy'],
  ] as const) {
    writeFileSync(code, readFileSync(code, 'utf8').replace(word, next));
    await says(next);
  }
  // The function answers a moment before `dev` has the answer to its deploy.
  await until('dev says so', () => Promise.resolve(output.includes('version 3 is live')));
  interrupt();
  await ended;
});

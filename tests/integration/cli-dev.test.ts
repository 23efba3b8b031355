/** `dev` while its server is away: each test stops and starts the file's server on one port, as whoever develops a server does. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CommandLine, PROGRAM } from '../helpers/command-line.js';
import { integration } from '../helpers/integration.js';
import { serverForFile, until } from '../helpers/server-process.js';

const server = serverForFile();
const line = new CommandLine(() => server().url);
test.after.always('the folder is removed', () => line.remove());

const answering = (word: string): string => `exports.handler = () => ({ body: '${word}' });`;
const WAITING = 'waiting for the server; the folder is deployed as soon as it answers';

/** Writes the code of a function. */
function save(name: string, code: string): void {
  mkdirSync(join(line.folder, name), { recursive: true });
  writeFileSync(join(line.folder, name, 'index.js'), code);
}

/** Starts `dev`. @returns what it has said so far, to be asked again and again */
function startDev(t: ExecutionContext, args: string[], env: Record<string, string> = {}): () => string {
  const child = line.spawn([process.execPath, PROGRAM, 'dev', ...args], { env });
  t.teardown(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  return () => output;
}

integration('dev deploys as soon as the server answers, and says that it waits for it', async (t) => {
  const { url } = server();
  const samePort = { GLAMBDAR_PORT: new URL(url).port };
  await server().stop();

  // Started before the server.
  save('patient', answering('first'));
  const said = startDev(t, ['patient'], { GLAMBDAR_URL: url });
  await until('it says that it waits', () => said().includes(WAITING));
  save('patient', answering('second'));
  await server().restart(samePort);
  await until('it is live', () => said().includes('version 1 is live'));
  t.is((await server().invoke('patient')).json, 'second');
  t.is(said().match(/No server answers/g)?.length, 1, said());
  t.is(said().split(WAITING).length, 2, said());

  // Saved while the server was stopped.
  await server().stop();
  save('patient', answering('third'));
  await until('it says that it waits again', () => said().split(WAITING).length === 3);
  await server().restart(samePort);
  await until('what was saved is live', async () => (await server().invoke('patient')).json === 'third');
  await until('it shows calls again', async () => {
    await server().invoke('patient');
    return /POST \/invoke\/patient/.test(said().split('version 2 is live')[1] ?? '');
  });
});

integration('dev goes on watching a folder whose first deploy is refused', async (t) => {
  mkdirSync(join(line.folder, 'bare'));
  const said = startDev(t, ['bare']);
  await until('it says that it watches', () =>
    /✗ .*holds no files.*\nwatching .*bare; save to try again/.test(said()),
  );
  save('bare', answering('filled'));
  await until('it is live', () => said().includes('version 1 is live'));
  save('bare', 'exports.handler = (');
  await until('a mistake is told', () => said().split('save to try again').length === 3);
  t.is((await server().invoke('bare')).json, 'filled');
});

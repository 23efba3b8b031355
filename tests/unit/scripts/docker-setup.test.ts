import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';

const script = join(import.meta.dirname, '../../../scripts/docker-setup.sh');

/** A folder that stands for /var/run, /var/log and a place for fake programs, gone after the test. */
function makeFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'docker-setup-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

interface Run {
  code: number;
  stderr: string;
}

/** Runs `commands` in a bash that has sourced the script. Resolves when nobody holds its stderr or its fd 3 open any more. */
async function bash(folder: string, commands: string, env: Record<string, string> = {}): Promise<Run> {
  const child = spawn(
    'bash',
    [
      '-c',
      `source '${script}'; run_dir='${folder}' log_dir='${folder}' systemd_dir=/nonexistent; ${commands}`,
    ],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const [, , stderrPipe, inheritedPipe] = child.stdio;
  let stderr = '';
  stderrPipe?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  (inheritedPipe as Readable).resume();
  const [code] = (await once(child, 'close')) as [number];
  return { code, stderr };
}

/** A living process whose name is `sleep`. */
function startSleep(t: ExecutionContext): number {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  t.teardown(() => child.kill());
  return child.pid ?? t.fail('sleep did not start');
}

/** Puts a program into `folder`, so that it is found before the machine's own. */
function fakeProgram(folder: string, name: string, text: string): void {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'bin', name), text, { mode: 0o755 });
}

function readStarted(folder: string): { pid: number; cwd: string | undefined; files: string[] } {
  const [pid, cwd, ...files] = readFileSync(join(folder, 'started'), 'utf8').split('\n');
  return { pid: Number(pid), cwd, files };
}

/** A `dockerd` that answers at `folder`/docker.sock and notes its pid, its folder and the files it holds in `folder`/started. */
function fakeDockerd(t: ExecutionContext, folder: string): Record<string, string> {
  fakeProgram(
    folder,
    'dockerd',
    `#!${process.execPath}
const fs = require('node:fs');
const files = fs.readdirSync('/proc/self/fd').flatMap((fd) => {
  try { return [fd + ' ' + fs.readlinkSync('/proc/self/fd/' + fd)]; } catch { return []; }
});
fs.writeFileSync('${folder}/started', [process.pid, process.cwd(), ...files].join('\\n'));
require('node:http').createServer((request, response) => response.end('OK')).listen('${folder}/docker.sock');
setTimeout(() => process.exit(), 30000);
`,
  );
  t.teardown(() => {
    if (existsSync(join(folder, 'started'))) process.kill(readStarted(folder).pid);
  });
  return {
    PATH: `${folder}/bin:${process.env['PATH'] ?? ''}`,
    DOCKER_HOST: `unix://${folder}/docker.sock`,
  };
}

test('remove_stale_pid_file removes a file whose process is gone', async (t) => {
  const folder = makeFolder(t);
  const file = join(folder, 'docker.pid');
  const gone = spawn('true');
  await once(gone, 'exit');
  writeFileSync(file, `${gone.pid}`);
  t.is((await bash(folder, `remove_stale_pid_file '${file}' dockerd`)).code, 0);
  t.false(existsSync(file));
});

test('remove_stale_pid_file removes a file whose number now belongs to another program', async (t) => {
  const folder = makeFolder(t);
  const file = join(folder, 'docker.pid');
  writeFileSync(file, `${startSleep(t)}\n`);
  const { stderr } = await bash(folder, `remove_stale_pid_file '${file}' dockerd`);
  t.regex(stderr, /removing .*docker\.pid: no dockerd runs as process \d+/);
  t.false(existsSync(file));
});

test('remove_stale_pid_file removes a file without a number', async (t) => {
  const folder = makeFolder(t);
  for (const text of ['', '../1', 'x\ny']) {
    const file = join(folder, 'docker.pid');
    writeFileSync(file, text);
    t.is((await bash(folder, `remove_stale_pid_file '${file}' dockerd`)).code, 0);
    t.false(existsSync(file), text);
  }
});

test('remove_stale_pid_file keeps the file of a living process of that name, and needs no file', async (t) => {
  const folder = makeFolder(t);
  const file = join(folder, 'docker.pid');
  writeFileSync(file, String(startSleep(t)));
  t.is((await bash(folder, `remove_stale_pid_file '${file}' sleep`)).code, 0);
  t.true(existsSync(file));
  t.is((await bash(folder, `remove_stale_pid_file '${folder}/none' sleep`)).code, 0);
});

test('the set-up installs docker.io when dockerd is missing, says so before it does, and starts it', async (t) => {
  const folder = makeFolder(t);
  const env = fakeDockerd(t, folder);
  fakeProgram(folder, 'apt-get', `#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >>'${folder}/apt'\n`);
  writeFileSync(join(folder, 'docker.pid'), '');
  const { code, stderr } = await bash(
    folder,
    `have_dockerd() { return 1; }; main '${process.execPath}'`,
    env,
  );
  t.is(code, 0, stderr);
  t.regex(stderr, /^glambdar: no Docker daemon answers: installing Debian's docker\.io .*\n/);
  t.is(
    readFileSync(join(folder, 'apt'), 'utf8'),
    'noninteractive update\nnoninteractive -o DPkg::Lock::Timeout=300 install -y --no-install-recommends docker.io\n',
  );
  t.false(existsSync(join(folder, 'docker.pid')));
});

test('the daemon keeps nothing of its starter: no pipe, no inherited file, no folder', async (t) => {
  const folder = makeFolder(t);
  const env = fakeDockerd(t, folder);
  const { code, stderr } = await bash(folder, `main '${process.execPath}'`, env); // ends with our pipes
  t.is(code, 0, stderr);
  const { pid, cwd, files } = readStarted(folder);
  t.notThrows(() => process.kill(pid, 0), 'our pipes closed only because the daemon ended');
  t.is(cwd, '/');
  t.true(files.includes('0 /dev/null'));
  t.true(files.includes(`1 ${folder}/glambdar-dockerd.log`));
  t.true(files.includes(`2 ${folder}/glambdar-dockerd.log`));
});

test('the set-up shows the end of the log when dockerd ends', async (t) => {
  const folder = makeFolder(t);
  fakeProgram(folder, 'dockerd', '#!/bin/sh\necho "failed to start daemon: no cgroups" >&2\nexit 1\n');
  const { code, stderr } = await bash(folder, `main '${process.execPath}'`, {
    PATH: `${folder}/bin:${process.env['PATH'] ?? ''}`,
    DOCKER_HOST: `unix://${folder}/docker.sock`,
  });
  t.is(code, 1);
  t.regex(stderr, /dockerd ended; the end of .*\nfailed to start daemon: no cgroups\n/);
});

test('the set-up shows the end of the log when apt-get fails', async (t) => {
  const folder = makeFolder(t);
  fakeProgram(folder, 'apt-get', '#!/bin/sh\necho "E: Unable to locate package $4" >&2\nexit 100\n');
  const { code, stderr } = await bash(folder, `have_dockerd() { return 1; }; main '${process.execPath}'`, {
    PATH: `${folder}/bin:${process.env['PATH'] ?? ''}`,
  });
  t.is(code, 1);
  t.regex(stderr, /apt-get could not install docker\.io; the end of .*\n[^]*E: Unable to locate package/);
});

test('docker-ping tells an absent daemon, a denied one and an unsupported address apart', async (t) => {
  const folder = makeFolder(t);
  const ping = join(import.meta.dirname, '../../../scripts/docker-ping.mjs');
  const word = (dockerHost: string) =>
    new Promise<string>((resolve) => {
      execFile(process.execPath, [ping], { env: { DOCKER_HOST: dockerHost } }, (_error, stdout) => {
        resolve(stdout.trim());
      });
    });
  t.is(await word(`unix://${folder}/none`), 'absent');
  t.is(await word('tcp://127.0.0.1:1'), 'absent');
  t.is(await word('ssh://somewhere'), 'unsupported');
});

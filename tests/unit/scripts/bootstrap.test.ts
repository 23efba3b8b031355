import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

const scripts = join(import.meta.dirname, '../../../scripts');

/** A checkout with the real scripts, and a folder of programs that are found before the machine's own. */
function makeCheckout(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(scripts, join(folder, 'scripts'), { recursive: true });
  mkdirSync(join(folder, 'bin'));
  const packages = {
    '': {},
    'node_modules/a': {},
    'node_modules/b': { os: ['!win32'], cpu: [process.arch] },
    'node_modules/b/node_modules/c': { os: ['win32'], optional: true },
    'node_modules/d': { os: [process.platform], cpu: ['none'], optional: true },
  };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
  return folder;
}

/** @param text a shell script's lines, after the first one */
function program(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
}

interface Run {
  code: number;
  output: string;
}

/** Runs the set-up without a terminal, or under a pseudo-terminal that `script` makes. */
async function setUp(
  folder: string,
  args: string[],
  { env = {}, onTerminal = false }: { env?: Record<string, string>; onTerminal?: boolean } = {},
): Promise<Run> {
  const command = ['bash', join(folder, 'scripts/bootstrap.sh'), ...args];
  const [file, ...rest] = onTerminal ? ['script', '-qec', command.join(' '), '/dev/null'] : command;
  const child = spawn(file ?? 'bash', rest, {
    env: { ...process.env, PATH: `${folder}/bin:${process.env['PATH'] ?? ''}`, ...env },
    stdio: [onTerminal ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output: output.replaceAll('\r', '') };
}

test('the set-up names the package of the system for a Node.js that is too old, if that package is new enough', async (t) => {
  const folder = makeCheckout(t);
  program(folder, 'node', 'echo v18.19.0');
  program(folder, 'apt-cache', 'printf "nodejs:\\n  Installed: 18.19.0\\n  Candidate: 20.19.2+dfsg-1\\n"');
  const { code, output } = await setUp(folder, ['--no-docker']);
  t.is(code, 1);
  t.is(
    output,
    'glambdar: Node.js 20.19 or newer is needed; this is v18.19.0.\n' +
      'glambdar: The package of this system is new enough:\n' +
      '    sudo apt-get install -y nodejs npm\n',
  );
});

test('the set-up names commands that install a newer Node.js where the package of the system is too old or unknown', async (t) => {
  for (const candidate of ['18.20.4+dfsg-1~deb12u1', '1:20.18.0', '(none)']) {
    const folder = makeCheckout(t);
    program(folder, 'node', 'echo v20.18.3');
    program(folder, 'apt-get', '');
    program(folder, 'apt-cache', `printf "nodejs:\\n  Candidate: ${candidate}\\n"`);
    const { code, output } = await setUp(folder, ['--no-docker']);
    t.is(code, 1);
    t.regex(output, /this is v20\.18\.3\.\n/);
    t.regex(output, /\n {4}sudo npm install -g n && sudo n 24\n/, candidate);
  }
});

test('the set-up counts 20.19, 21 and 24 as new enough', async (t) => {
  for (const version of ['v20.19.0', 'v21.0.0', 'v24.1.0']) {
    const folder = makeCheckout(t);
    program(folder, 'node', `echo ${version}`);
    program(folder, 'npm', 'mkdir -p node_modules');
    t.is((await setUp(folder, ['--no-docker', '--no-build'])).code, 0, version);
  }
});

test('the set-up looks for Docker and the rights before npm installs anything', async (t) => {
  const folder = makeCheckout(t);
  program(folder, 'npm', `echo npm >> ${folder}/order`);
  const { code, output } = await setUp(folder, ['--docker', '--no-build'], {
    env: { DOCKER_HOST: `unix://${folder}/nobody.sock` },
  });
  t.is(code, 1);
  t.regex(output, /DOCKER_HOST names .*no Docker daemon answers there \(absent\)/);
  t.throws(() => readFileSync(join(folder, 'order')), { code: 'ENOENT' });
});

test('npm tells how far it is when it takes longer than a moment', async (t) => {
  const folder = makeCheckout(t);
  // The five seconds between two lines pass at once.
  program(folder, 'sleep', 'exec /bin/sleep 0.05');
  program(
    folder,
    'npm',
    `mkdir -p node_modules/a node_modules/a/sub; touch node_modules/a/package.json node_modules/a/sub/package.json
until grep -q '1 of 2 packages are here' ${folder}/said; do /bin/sleep 0.02; done`,
  );
  const child = spawn(
    'bash',
    ['-c', `bash ${folder}/scripts/bootstrap.sh --no-docker --no-build 2>${folder}/said`],
    {
      env: { ...process.env, PATH: `${folder}/bin:${process.env['PATH'] ?? ''}` },
      stdio: 'ignore',
    },
  );
  const [code] = (await once(child, 'close')) as [number];
  const said = readFileSync(join(folder, 'said'), 'utf8');
  t.is(code, 0, said);
  t.regex(said, /installing the dependencies \(npm ci\); this takes up to a minute\n/);
  t.regex(said, /npm is at work since \d+ s: 1 of 2 packages are here\n/);
});

test('two set-ups in one checkout do the work once, and the second says that it waits', async (t) => {
  const folder = makeCheckout(t);
  program(
    folder,
    'npm',
    `echo run >> ${folder}/runs; rm -rf node_modules; mkdir node_modules
until [[ $(cat ${folder}/said* | grep -c waiting) -gt 0 ]]; do /bin/sleep 0.02; done`,
  );
  const start = (n: number): Promise<unknown> =>
    once(
      spawn(
        'bash',
        ['-c', `bash ${folder}/scripts/bootstrap.sh --no-docker --no-build 2>${folder}/said${n}`],
        {
          env: { ...process.env, PATH: `${folder}/bin:${process.env['PATH'] ?? ''}` },
          stdio: 'ignore',
        },
      ),
      'close',
    );
  const codes = (await Promise.all([start(1), start(2)])).map((end) => (end as [number])[0]);
  t.deepEqual(codes, [0, 0]);
  t.is(readFileSync(join(folder, 'runs'), 'utf8'), 'run\n');
});

// The steps below are those of somebody who is not root, and root needs no sudo.
const asUser = process.getuid?.() === 0 ? 'setpriv --reuid=65534 --regid=65534 --clear-groups ' : '';

async function setUpAsUser(folder: string, onTerminal: boolean): Promise<Run> {
  const wrapped = `${asUser}env PATH=${folder}/bin:$PATH HOME=${folder} bash ${folder}/scripts/bootstrap.sh --docker --no-build`;
  const [file, args] = onTerminal
    ? (['script', ['-qec', wrapped, '/dev/null']] as const)
    : (['bash', ['-c', wrapped]] as const);
  const child = spawn(file, args, { stdio: [onTerminal ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output: output.replaceAll('\r', '') };
}

test('a sudoer with a password is asked once on a terminal, after the set-up said why', async (t) => {
  const folder = makeCheckout(t);
  await makeWorldWritable(folder);
  // No daemon answers until sudo has run the set-up of Docker.
  program(
    folder,
    'node',
    `if [[ $1 == --version ]]; then echo v20.19.0; elif [[ -e ${folder}/up ]]; then echo answers; else echo absent; fi`,
  );
  program(folder, 'npm', 'mkdir -p node_modules');
  program(folder, 'dockerd', '');
  program(
    folder,
    'sudo',
    `echo "$*" >> ${folder}/sudo
case "$1 $2" in
  "-n true") [[ -e ${folder}/let-in ]] ;;
  "-v ") echo 'Password:'; touch ${folder}/let-in ;;
  *) touch ${folder}/up ;;
esac`,
  );
  const { code, output } = await setUpAsUser(folder, true);
  t.is(code, 0, output);
  t.regex(
    output,
    /No Docker daemon answers\. Starting it needs root, so sudo asks for your password:\nPassword:/,
  );
  t.is(readFileSync(join(folder, 'sudo'), 'utf8').match(/^-v/gm)?.length, 1);
});

test('a sudoer with a password and no terminal gets the commands to run by hand', async (t) => {
  const folder = makeCheckout(t);
  await makeWorldWritable(folder);
  program(folder, 'node', 'if [[ $1 == --version ]]; then echo v20.19.0; else echo absent; fi');
  program(folder, 'npm', '');
  program(folder, 'sudo', 'exit 1');
  const { code, output } = await setUpAsUser(folder, false);
  t.is(code, 1);
  t.regex(output, /sudo would ask for a password, and there is no terminal\. By hand:\n( {4}sudo .*\n)+$/);
});

/** The user of these tests is not the one who made the folder. */
async function makeWorldWritable(folder: string): Promise<void> {
  await once(spawn('chmod', ['-R', 'a+rwX', folder]), 'close');
}

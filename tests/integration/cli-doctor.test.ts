/**
 * `glambdar doctor` on machines where something is broken. What can be broken here is: the socket, the image, the disk, the
 * server. What only another machine or daemon would break is broken by a proxy before the real daemon, which leaves a part of
 * the request away: the container then really has no limit, no filter, no mount.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import Dockerode from 'dockerode';
import { CommandLine, PROGRAM, type Ended } from '../helpers/command-line.js';
import { EngineProxy, type Changes, type EngineJson } from '../helpers/engine-proxy.js';
import { integration, integrationEnabled } from '../helpers/integration.js';
import { ServerProcess, serverForFile } from '../helpers/server-process.js';
import { fill, mount, noSmallDisks } from '../unit/store/small-disk.js';

const server = serverForFile({ env: { GLAMBDAR_STANDBY: '0' } });
const line = new CommandLine(() => server().url);
/** A server that does not answer, where it is not what a test is about. */
const NO_SERVER = ['--server', 'http://127.0.0.1:9'];
let proxy: EngineProxy;

if (integrationEnabled)
  test.before('a proxy before the daemon', async () => {
    proxy = await EngineProxy.start();
  });
test.after.always('proxy and folder are removed', () => {
  proxy?.close();
  line.remove();
});

/** Of every doctor on this machine. */
function doctorsContainers(): Promise<unknown[]> {
  const docker = new Dockerode({ socketPath: '/var/run/docker.sock' });
  return docker.listContainers({ all: true, filters: { label: ['glambdar.doctor'] } });
}

/** Lines of a check that failed, each with its remedy. */
function wrongIn({ stdout }: Ended): Record<string, string> {
  const found = stdout.matchAll(/^✗ (.{14}) (.+)\n +→ (.+)$/gm);
  return Object.fromEntries(
    [...found].map(([, title = '', what = '', remedy = '']) => [title.trimEnd(), `${what} → ${remedy}`]),
  );
}

/** Runs doctor with the daemon changed, and asserts that exactly these checks fail, beside that of the server. */
async function brokenBy(
  t: ExecutionContext,
  changes: Changes,
  expected: Record<string, RegExp>,
): Promise<void> {
  proxy.change(changes);
  const ended = await line.run(['doctor', '--docker-host', proxy.host, ...NO_SERVER]);
  proxy.change({});
  t.is(ended.code, 1, ended.stdout + ended.stderr);
  const wrong = wrongIn(ended);
  t.deepEqual(Object.keys(wrong).sort(), [...Object.keys(expected), 'server'].sort(), ended.stdout);
  for (const [title, text] of Object.entries(expected)) t.regex(wrong[title] ?? '', text);
}

/** A change of what containers are created with. */
const created = (change: (host: NonNullable<EngineJson['HostConfig']>) => void): Changes => ({
  asked: ({ HostConfig }, _, path) => {
    if (path === '/containers/create' && HostConfig) change(HostConfig);
  },
});

integration('doctor finds that memory is not limited, and stops before it has taken much', async (t) => {
  await brokenBy(
    t,
    created((host) => {
      delete host.Memory;
      delete host.MemorySwap;
    }),
    {
      'memory limit': /64 MB set, no limit seen → .*cgroup controller/,
      'out of memory': /limited to 64 MB took 256 MB → .*swap/,
    },
  );
});

integration('doctor finds that the number of processes is not limited', async (t) => {
  await brokenBy(
    t,
    created((host) => delete host.PidsLimit),
    {
      'pids limit': /64 set, no limit seen → .*cgroup controller/,
    },
  );
});

integration('doctor finds that system calls are not filtered', async (t) => {
  await brokenBy(
    t,
    created((host) => host.SecurityOpt?.push('seccomp=unconfined')),
    {
      seccomp: /does not filter system calls → .*--seccomp-profile=unconfined/,
    },
  );
});

integration('doctor finds that a container without a network has one', async (t) => {
  await brokenBy(
    t,
    created((host) => (host.NetworkMode = 'bridge')),
    {
      'network off': /a container has eth0 → /,
    },
  );
});

integration('doctor finds that Docker does not tell who was ended for memory', async (t) => {
  const changes: Changes = {
    answered: ({ State }) => {
      if (State) State.OOMKilled = false;
    },
  };
  await brokenBy(t, changes, {
    'out of memory': /ended with 137, and Docker did not tell why → .*crashes/,
  });
});

integration('doctor tries again when Docker once did not tell who was ended for memory', async (t) => {
  let containers = 0;
  const changes: Changes = {
    asked: (_, __, path) => {
      if (path === '/containers/create') containers += 1;
    },
    answered: ({ State }) => {
      if (State && containers === 1) State.OOMKilled = false;
    },
  };
  await brokenBy(t, changes, {});
  t.is(containers, 2);
});

integration('doctor finds that folders of this machine are not what containers see', async (t) => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'glambdar-elsewhere-'));
  t.teardown(() => rmSync(elsewhere, { recursive: true, force: true }));
  const mountOf = (source: string): Changes =>
    created(({ Mounts }) => {
      for (const one of Mounts ?? []) one.Source = source;
    });
  const began = performance.now();
  await brokenBy(t, mountOf(elsewhere), {
    'socket mounts': /could not reach a socket in a mounted folder → Docker must run on this machine/,
  });
  t.true(performance.now() - began < 10_000, 'the end of the container is enough');
  await brokenBy(t, mountOf(join(elsewhere, 'missing')), {
    'socket mounts': /Docker does not see a folder of this machine: .* → Docker must run on this machine/,
  });
});

integration('doctor finds that the clock differs from the daemon’s', async (t) => {
  const changes: Changes = {
    answered: (value) => {
      if (value.SystemTime) value.SystemTime = new Date(Date.now() - 3_600_000).toISOString();
    },
  };
  await brokenBy(t, changes, { clock: /differs from Docker's by 3600\.\d s → Set the clock/ });
});

integration('doctor tells apart a socket that is missing, refuses, or answers nonsense', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'glambdar-nonsense-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const answering = async (name: string, text: string): Promise<string> => {
    const socket: Server = createServer((client) => client.on('error', () => undefined).end(text));
    await new Promise<void>((resolve) => socket.listen(join(folder, name), resolve));
    t.teardown(() => socket.close());
    return `unix://${join(folder, name)}`;
  };
  const json = (body: string): string =>
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const cases: [host: string, found: RegExp, remedy: RegExp][] = [
    ['unix:///nowhere/docker.sock', /is not there/, /Start Docker/],
    ['tcp://127.0.0.1:9', /refuses connections/, /Start Docker/],
    [await answering('greeting', '220 mail.example.org ready\r\n'), /does not speak HTTP/, /Set DOCKER_HOST/],
    [await answering('json', json('{"hello":1}')), /not as a Docker daemon/, /Set DOCKER_HOST/],
    [await answering('text', json('hello')), /something other than JSON/, /Set DOCKER_HOST/],
    [
      await answering('page', 'HTTP/1.1 404 Not Found\r\n\r\n<h1>'),
      /answers with status 404/,
      /Set DOCKER_HOST/,
    ],
    [await answering('silent', ''), /does not answer: socket hang up/, /Start Docker/],
    ['ssh://somebody@example.org', /is no address of a Docker daemon/, /Set DOCKER_HOST/],
  ];
  for (const [host, found, remedy] of cases) {
    const ended = await line.run(['doctor', ...NO_SERVER], { env: { DOCKER_HOST: host } });
    t.is(ended.code, 1, ended.stderr);
    const { Docker: told = ended.stdout } = wrongIn(ended);
    t.regex(told, found, host);
    t.regex(told, remedy, host);
    // Without Docker the rest is checked all the same.
    t.regex(ended.stdout, /^✓ disk /m);
    t.regex(ended.stdout, /^✗ server /m);
  }
});

integration('doctor finds an image that is missing, and one without Node.js', async (t) => {
  const missing = await line.run(['doctor', '--image', 'no/such:image', ...NO_SERVER]);
  t.regex(wrongIn(missing)['image'] ?? '', /no\/such:image is not there → Run `docker pull no\/such:image`/);
  const docker = new Dockerode({ socketPath: '/var/run/docker.sock' });
  const reference = `glambdar-test/empty:${process.pid}`;
  const [repo, tag] = reference.split(':');
  // An image of one empty file system: two blocks of zeros are the end of a tar.
  const stream = await docker.importImage(Buffer.alloc(1024) as never, { repo, tag });
  await new Promise((resolve) => docker.modem.followProgress(stream, resolve));
  t.teardown(() => docker.getImage(reference).remove({ force: true }));
  const empty = await line.run(['doctor', '--image', reference, ...NO_SERVER]);
  t.is(empty.code, 1);
  t.regex(wrongIn(empty)['a container'] ?? '', /has no program "node": .* → Use an image with Node\.js/);
});

integration(
  'doctor finds a disk that is full, of space or of files, and a directory that is missing',
  async (t) => {
    const check = async (dir: string): Promise<string> => {
      const ended = await line.run(['doctor', '--docker-host', 'unix:///nowhere', ...NO_SERVER], {
        env: { GLAMBDAR_DIR: dir },
      });
      return wrongIn(ended)['disk'] ?? ended.stdout;
    };
    t.regex(await check('/nowhere'), /\/nowhere is not there → Set GLAMBDAR_DIR/);
    const cannot = noSmallDisks();
    if (cannot !== undefined) return void t.log(`full disks are not tried: this ${cannot}`);
    for (const [name, options, found] of [
      ['small', 'size=4m', /^0 B free in .* → Free some space/],
      ['files', 'size=2g,nr_inodes=64', / and room for \d\d files in .* → Free some space/],
    ] as const) {
      const dir = join(line.folder, name);
      mkdirSync(dir);
      mount(t, dir, '-t', 'tmpfs', '-o', options, 'none');
      if (name === 'small') fill(dir);
      t.regex(await check(dir), found);
    }
  },
);

integration('doctor on a terminal has green and red marks, and none with NO_COLOR', async (t) => {
  const args = ['doctor', '--docker-host', 'unix:///nowhere', ...NO_SERVER];
  const colored = await line.runOnTerminal(args);
  t.is(colored.code, 1);
  t.regex(colored.stdout, /^\u001b\[32m✓\u001b\[39m versions /m);
  t.regex(colored.stdout, /^\u001b\[31m✗\u001b\[39m Docker .*\r\n +→ Start Docker/m);
  const plain = await line.runOnTerminal(args, { env: { NO_COLOR: '1' } });
  t.regex(plain.stdout, /^✗ Docker /m);
  t.false(plain.stdout.includes('\u001b'));
});

integration('doctor finds a variable with a wrong value, and goes on without it', async (t) => {
  const ended = await line.run(['doctor', '--docker-host', 'unix:///nowhere'], {
    env: { GLAMBDAR_PORT: 'eighty' },
  });
  t.is(ended.code, 1);
  t.regex(wrongIn(ended)['configuration'] ?? '', /GLAMBDAR_PORT is "eighty".* → Mend the variable/);
  t.regex(ended.stdout, /^✓ probe /m);
});

integration('doctor finds a server that lost Docker, and one that wants to know who asks', async (t) => {
  const between = await EngineProxy.start();
  t.teardown(() => between.close());
  const other = await ServerProcess.start({
    env: { DOCKER_HOST: between.host, GLAMBDAR_STANDBY: '0', GLAMBDAR_AUTH: 'on' },
  });
  t.teardown(() => other.destroy());
  const args = ['doctor', '--docker-host', 'unix:///nowhere', '--server', other.url];
  const stranger = await line.run(args);
  t.regex(
    wrongIn(stranger)['probe'] ?? stranger.stdout,
    /the step "deploy" failed: Missing authorization header\. Sign in.* → .*sign in/,
  );
  between.close();
  await t.notThrowsAsync(async () => {
    for (let tries = 0; (await other.request('/readyz')).status === 200; tries += 1)
      if (tries > 500) throw new Error('the server does not notice that Docker is away');
  });
  const away = await line.run(args);
  t.regex(wrongIn(away)['server'] ?? away.stdout, /is not ready: .* → Mend what it names/);
});

integration('doctor tells programs the same as JSON, and leaves no container', async (t) => {
  proxy.change(created((host) => delete host.PidsLimit));
  t.teardown(() => proxy.change({}));
  const { stdout, code } = await line.run(['doctor', '--json', '--docker-host', proxy.host]);
  t.is(code, 1);
  const findings = JSON.parse(stdout) as { title: string; ok: boolean; remedy: string }[];
  t.deepEqual(
    findings.filter(({ ok }) => !ok).map(({ title }) => title),
    ['pids limit'],
  );
  t.true(findings.every(({ ok, remedy }) => ok === (remedy === '')));
  t.deepEqual(await doctorsContainers(), []);
  t.notRegex((await server().request('/metrics')).text, /glambdar-doctor/);
});

integration('doctor that is interrupted leaves no function and no container behind', async (t) => {
  let doctor: ChildProcess | undefined;
  /** The step at whose beginning, or after which, the doctor is interrupted. */
  let step = '';
  let reached = 0;
  const reach = (name: string): void => {
    if (name !== step) return;
    reached += 1;
    doctor?.kill('SIGINT');
  };
  // Between doctor and server: it tells what is asked, and passes it on.
  const between = createHttpServer((req, res) => {
    const path = `${req.method} ${req.url?.split('/')[1]}`;
    reach(path);
    const { method, headers, url = '' } = req;
    const sent = request(server().url + url, { method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
      answer.once('end', () => reach(`${path} answered`));
    });
    req.pipe(sent);
    for (const end of [sent, res]) end.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
  t.teardown(() => between.close());
  t.teardown(() => proxy.change({}));
  const url = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
  proxy.change({
    asked: (_, method, path) => reach(`${method} ${path}`),
    answered: (_, method, path) => reach(`${method} ${path} answered`),
  });
  for (step of [
    'POST /containers/create',
    'POST /containers/create answered',
    'POST deploy',
    'POST deploy answered',
    'POST invoke',
    'GET logs',
    'DELETE del',
  ]) {
    reached = 0;
    const dockerHost = step.includes('containers') ? proxy.host : 'unix:///nowhere';
    doctor = line.spawn([process.execPath, PROGRAM, 'doctor', '--docker-host', dockerHost, '--server', url]);
    let output = '';
    doctor.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
    t.is(await new Promise((resolve) => doctor?.once('close', resolve)), 130, `${step}: ${output}`);
    t.true(reached > 0, step);
    t.notRegex(output, /probe/, step);
    t.deepEqual((await server().request('/info')).json.functions, [], step);
    t.deepEqual(await doctorsContainers(), [], step);
  }
  t.notRegex((await server().request('/metrics')).text, /glambdar-doctor/);
});

integration('a Node.js that is too old is told in a sentence, by every command', async (t) => {
  const older =
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.18.3" } })';
  for (const command of [['doctor'], ['list'], ['--help']]) {
    const ended = await line.run(command, {
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(older)}` },
    });
    t.is(ended.code, 1);
    t.regex(
      ended.stderr,
      /^glambdar: Node\.js 20\.19 or newer is needed; this is 20\.18\.3\. Install it .+\n$/,
    );
    t.is(ended.stdout, '');
  }
});

/** What a hostile function can do from inside its container: each test does the bad thing and looks at what came of it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { integration } from '../helpers/integration.js';
import { serverForFile, type Answer } from '../helpers/server-process.js';

const hostSecret = 'secret-of-the-host-5d1c';
const tenantSecret = 'secret-of-a-tenant-77ab';
const server = serverForFile({ env: { HOST_SECRET: hostSecret } });
const root = join(import.meta.dirname, '../..');
const fixtures = join(root, 'tests/fixtures/functions');
const source = readFileSync(join(fixtures, 'inside.js'), 'utf8');

/** Deploys the fixture under a name, once. */
const deployed = new Map<string, Promise<void>>();
async function calls(
  name: string,
  fields: Record<string, unknown>,
  deed: string,
  input: unknown = null,
): Promise<Answer> {
  if (!deployed.has(name)) deployed.set(name, server().deployed(name, source, fields));
  await deployed.get(name);
  return server().invoke(`${name}?do=${encodeURIComponent(deed)}`, { body: JSON.stringify(input) });
}

const plain = (deed: string, input?: unknown) => calls('plain', { cpus: 1 }, deed, input);

integration('a function reaches no network, neither the host nor a name', async (t) => {
  const ours = Object.values(networkInterfaces()).flatMap((list = []) => list.map(({ address }) => address));
  const addresses = ['127.0.0.1', '::1', '172.17.0.1', '169.254.169.254', '192.0.2.1', ...ours];
  const port = Number(new URL(server().url).port);
  const { json } = await plain('network', { addresses, port });
  t.deepEqual(json.interfaces, ['lo']);
  for (const address of addresses) {
    // The loopback is the container's own, and nobody listens there: a datagram is sent to nobody.
    const own = /^(127\.|::1$)/.test(address);
    // A link-local address without its link is no address.
    const unreachable = address.startsWith('fe80:') ? /^(EINVAL|ENETUNREACH)$/ : /^ENETUNREACH$/;
    t.regex(json.tcp[address], own ? /^ECONNREFUSED$/ : unreachable, address);
    t.regex(json.udp[address], own ? /^sent$/ : unreachable, address);
  }
  t.regex(json.dns, /^(EAI_AGAIN|ENOTFOUND)$/);
  t.not(typeof json.dnsQuery, 'object');
  t.is(json.fetch, 'ECONNREFUSED', `of ${addresses[0]}`);
});

integration('two instances have two uids, no privilege and no way to get one', async (t) => {
  const answers = await Promise.all([plain('identity'), plain('identity')]);
  const [one, two] = answers.map(({ json }) => json);
  t.not(one.uid, two.uid);
  for (const { uid, gid, groups, status, root: attempts } of [one, two]) {
    t.true(uid >= 200_000 && gid === uid);
    t.true(groups.every((group: number) => group === gid));
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      t.is(status[set], '0000000000000000');
    t.is(status.NoNewPrivs, '1');
    t.is(status.Seccomp, '2');
    for (const result of attempts) t.regex(String(result), /^(EPERM|EACCES|ERR_SYSTEM_ERROR)$/);
  }
});

integration('nothing can be written, changed or removed outside /tmp', async (t) => {
  const { json } = await plain('writes');
  // Open by everybody for a reason: devices that lead nowhere, the engine's masks (they are /dev/null), and the files
  // that tell a program of pressure, which the kernel lets anybody ask.
  const harmless =
    /^\/dev\/(null|zero|full|random|urandom|tty|ptmx|pts\/ptmx)$|^\/proc\/(keys|timer_list|latency_stats|sched_debug|interrupts)$|^\/proc\/pressure\/\w+$/;
  t.deepEqual(
    json.written.filter((file: string) => !harmless.test(file)),
    [],
  );
  t.true(json.tried > 500, `${json.tried} files tried`);
});

integration(
  'a function sees its own code and nothing of the host, of other functions or of the server',
  async (t) => {
    await server().deployed('tenant', `const s = '${tenantSecret}'; exports.handler = () => ({ body: 1 })`, {
      env: { TENANT_SECRET: tenantSecret },
    });
    const paths = [
      server().dir,
      root,
      '/var/run/docker.sock',
      '/run/docker.sock',
      '/run/containerd',
      '/etc/shadow',
      '/home',
      '/root',
    ];
    const { json } = await plain('sees', { paths, secrets: [hostSecret, tenantSecret] });
    t.deepEqual(json.found, []);
    t.deepEqual(json.reachable, []);
    t.deepEqual(json.sockets, []);
    t.true(json.processes <= 3, `${json.processes} processes`);
    t.regex(String(json.kcore), /^(EACCES|EPERM|EIO|ENOENT|0)$/);
    t.false(json.top.includes('home'));
    t.deepEqual(json.environment, ['HOME', 'HOSTNAME', 'NODE_ENV', 'PATH', 'TMPDIR']);
  },
);

integration('over 30 calls nothing of an earlier one is ever there', async (t) => {
  const fresh = { marks: 1, files: [], global: null, prototype: null, environment: null };
  for (let round = 0; round < 10; round += 1)
    for (const { json } of await Promise.all([plain('fresh'), plain('fresh'), plain('fresh')]))
      t.deepEqual(json, fresh);
});

integration('disk, inodes, files and processes end before they are the host’s business', async (t) => {
  const { json: disk } = await plain('fill tmp');
  t.is(disk.code, 'ENOSPC');
  t.true(disk.written > 32 && disk.written <= 64, `${disk.written} MiB`);
  const { json: inodes } = await plain('fill inodes');
  t.is(inodes.code, 'ENOSPC');
  t.true(inodes.made > 1000 && inodes.made <= 4096, `${inodes.made} files`);
  t.is((await plain('one large file')).json, 'EFBIG');
  const { json: files } = await plain('many files');
  t.is(files.code, 'EMFILE');
  t.true(files.open > 900 && files.open < 1024, `${files.open} files`);
  const { json: processes } = await calls('roomy', { cpus: 1, memoryMb: 512 }, 'many processes');
  t.is(processes.code, 'EAGAIN');
  t.true(processes.children < 64, `${processes.children} processes`);
});

integration('a fork bomb ends with its call, and others are served meanwhile', async (t) => {
  const bomb = calls('bomb', { timeoutMs: 3000 }, 'fork bomb');
  const others = await Promise.all([plain('watch'), plain('watch')]);
  for (const { status } of others) t.is(status, 200);
  const answer = await bomb;
  t.true([500, 502, 504].includes(answer.status), answer.text);
  t.regex(answer.json.code, /^(FUNCTION_ERROR|INSTANCE_CRASHED|OUT_OF_MEMORY|INVOCATION_TIMEOUT)$/);
  t.is((await plain('watch')).json, 'watching');
  await server().assertIdle();
});

integration('memory beyond the limit is OUT_OF_MEMORY with the limit, wherever it was spent', async (t) => {
  for (const deed of ['memory in buffers', 'memory in objects', 'fill tmp']) {
    const answer = await calls('small', { memoryMb: 64, cpus: 1 }, deed);
    t.is(answer.status, 502, `${deed}: ${answer.text}`);
    t.like(answer.json, { code: 'OUT_OF_MEMORY', limitMb: 64 }, deed);
    t.regex(answer.json.error, /64 MB/);
    const record = (await server().request(`/invocations/${answer.headers.get('x-invocation-id')}`)).json;
    t.like(record, { outcome: 'oom', status: 502 });
  }
  const child = await calls('small', {}, 'memory of a child');
  t.is(child.status, 200, child.text);
  t.deepEqual(child.json, { signal: 'SIGKILL' });
});

integration(
  'code that blocks and ignores every signal is ended at its deadline, with its children',
  async (t) => {
    const answer = await calls('stubborn', { timeoutMs: 1000 }, 'stubborn');
    t.is(answer.status, 504, answer.text);
    t.is(answer.json.code, 'INVOCATION_TIMEOUT');
    await server().assertIdle();
  },
);

integration(
  'the kernel’s limits per user are not shared, and calls out of the sandbox are refused',
  async (t) => {
    if (!existsSync('/usr/bin/cc')) {
      t.log('skipped: this machine has no C compiler');
      return t.pass();
    }
    const build = mkdtempSync(join(tmpdir(), 'glambdar-native-'));
    t.teardown(() => rmSync(build, { recursive: true }));
    execFileSync('/usr/bin/cc', [
      '-shared',
      '-fPIC',
      '-w',
      '-o',
      join(build, 'native.node'),
      join(fixtures, 'native.c'),
    ]);
    const files = { 'index.js': source, 'native.node': readFileSync(join(build, 'native.node')) };
    // Kept after its call, so that it goes on holding what it took.
    const answer = await server().deploy('greedy', files, { isolation: 'function' });
    t.is(answer.status, 201, answer.text);
    const greedy = await server().invoke('greedy?do=native');
    t.is(greedy.status, 200, greedy.text);
    t.deepEqual(greedy.json, {
      native: ['io_uring 1', 'ptrace 1', 'process_vm_readv 1', 'unshare 1', 'inotify 24'],
      watch: 'EMFILE',
    });
    t.is((await plain('watch')).json, 'watching');
    const again = await server().invoke('greedy?do=watch');
    t.is(again.json, 'EMFILE', 'it still holds all of its own');
  },
);

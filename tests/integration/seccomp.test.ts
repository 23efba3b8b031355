import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { integration } from '../helpers/integration.js';
import { ProbeDriver, slotOf } from '../helpers/probe-driver.js';

/** What Node programs do, each the body of an async function in the container, and its result. */
const ordinary: [what: string, code: string, expected: unknown][] = [
  [
    'worker_threads',
    `const { Worker } = require('worker_threads');
     return new Promise((ok, no) => new Worker("require('worker_threads').parentPort.postMessage(42)", { eval: true }).on('message', ok).on('error', no))`,
    42,
  ],
  [
    'child_process',
    `return require('child_process').execFileSync(process.execPath, ['-p', '6*7'], { encoding: 'utf8' })`,
    '42\n',
  ],
  [
    'a child with pipes and signals',
    `const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e3)']);
     setTimeout(() => child.kill('SIGTERM'), 100);
     return new Promise((ok) => child.on('exit', (_, signal) => ok(signal)))`,
    'SIGTERM',
  ],
  [
    'fs.watch',
    `const fs = require('fs'); fs.writeFileSync('/tmp/w', '');
     return new Promise((ok) => { const w = fs.watch('/tmp/w', (event) => { w.close(); ok(event); }); setTimeout(() => fs.appendFileSync('/tmp/w', 'x'), 50); })`,
    'change',
  ],
  ['crypto.scrypt', `return require('crypto').scryptSync('a', 'b', 8).length`, 8],
  ['os.networkInterfaces', `return Object.keys(require('os').networkInterfaces())`, ['lo']],
  [
    'os',
    `const os = require('os'); return os.cpus().length > 0 && os.totalmem() > 0 && os.uptime() > 0`,
    true,
  ],
  [
    'WebAssembly',
    `const bytes = new Uint8Array([0,97,115,109,1,0,0,0,1,5,1,96,0,1,127,3,2,1,0,7,5,1,1,102,0,0,10,6,1,4,0,65,42,11]);
     return (await WebAssembly.instantiate(bytes)).instance.exports.f()`,
    42,
  ],
  [
    'files of every kind',
    `const fs = require('fs'), p = require('fs/promises');
     await p.mkdir('/tmp/d/e', { recursive: true }); await p.writeFile('/tmp/d/a', 'x'); await p.copyFile('/tmp/d/a', '/tmp/d/b');
     await p.symlink('a', '/tmp/d/l'); await p.link('/tmp/d/a', '/tmp/d/h'); await p.chmod('/tmp/d/a', 0o600); await p.utimes('/tmp/d/a', 1, 1);
     await p.rename('/tmp/d/b', '/tmp/d/c'); await p.cp('/tmp/d', '/tmp/f', { recursive: true }); fs.fdatasyncSync(fs.openSync('/tmp/d/a'));
     const names = (await p.readdir('/tmp/f')).sort(); await p.rm('/tmp/d', { recursive: true }); return names`,
    ['a', 'c', 'e', 'h', 'l'],
  ],
  [
    'a Unix socket',
    `const net = require('net'); const server = net.createServer((c) => c.end('hi')); await new Promise((ok) => server.listen('/tmp/u', ok));
     return new Promise((ok) => net.connect('/tmp/u').on('data', (d) => { server.close(); ok(String(d)); }))`,
    'hi',
  ],
  [
    'timers, compression and intl',
    `return require('zlib').gunzipSync(require('zlib').gzipSync('é')).toString('utf8').normalize('NFD').length`,
    2,
  ],
  [
    'a database',
    `const { DatabaseSync } = require('node:sqlite'); return { ...new DatabaseSync('/tmp/db').prepare('select 42 as n').get() }`,
    { n: 42 },
  ],
];

integration('what Node programs do works under the seccomp profile', async (t) => {
  const probes = await ProbeDriver.open(t);
  const probe = await probes.start();
  for (const [what, code, expected] of ordinary) t.deepEqual(await probe.evaluate(code), expected, what);
  t.is(
    await probe.evaluate(
      `return /Seccomp:\\t2/.test(require('fs').readFileSync('/proc/self/status', 'utf8'))`,
    ),
    true,
  );
});

integration(
  'without a network, fetch and sockets fail with the errors of an unreachable network',
  async (t) => {
    const probes = await ProbeDriver.open(t);
    const probe = await probes.start();
    await t.throwsAsync(probe.evaluate(`await fetch('http://192.0.2.1/')`), { message: 'ENETUNREACH' });
    await t.throwsAsync(probe.evaluate(`await fetch('http://[2001:db8::1]/')`), { message: 'ENETUNREACH' });
    await t.throwsAsync(probe.evaluate(`await fetch('http://name.invalid/')`), {
      message: /EAI_AGAIN|ENOTFOUND/,
    });
  },
);

/** Each call with harmless arguments; what it answers is errno, 0 when it was let through. */
const probeSource = `
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#define CALL(name, ...) errno = 0; printf("%s %d\\n", #name, syscall(SYS_##name, ##__VA_ARGS__) < 0 ? errno : 0)
#define SOCKET(label, ...) errno = 0; printf("%s %d\\n", label, socket(__VA_ARGS__) < 0 ? errno : 0)
int main(void) {
  char params[256] = {0};
  CALL(io_uring_setup, 1, params); CALL(io_uring_enter, -1, 0, 0, 0, 0, 0); CALL(io_uring_register, -1, 0, 0, 0);
  CALL(ptrace, 0, 0, 0, 0); CALL(process_vm_readv, getpid(), 0, 0, 0, 0, 0); CALL(process_vm_writev, getpid(), 0, 0, 0, 0, 0);
  CALL(userfaultfd, 0); CALL(bpf, 0, params, 0); CALL(perf_event_open, params, 0, -1, -1, 0); CALL(personality, 0xffffffff);
  CALL(keyctl, 0, -3, 0); CALL(add_key, "user", "x", "y", 1, -3); CALL(request_key, "user", "x", 0, 0);
  CALL(name_to_handle_at, -100, "/", params, params + 128, 0); CALL(open_by_handle_at, -1, params, 0);
  CALL(unshare, 0x10000000); CALL(setns, 0, 0); CALL(mount, "x", "/tmp", "tmpfs", 0, 0); CALL(umount2, "/tmp", 0);
  CALL(pivot_root, "/tmp", "/tmp"); CALL(chroot, "/tmp"); CALL(syslog, 10, 0, 0); CALL(kexec_load, 0, 0, 0, 0);
  CALL(init_module, 0, 0, ""); CALL(fsopen, "tmpfs", 0); CALL(open_tree, -1, "/", 0); CALL(pidfd_getfd, 0, 0, 0);
  CALL(clone, 0x10000000 | 17, 0, 0, 0, 0); CALL(clone3, params, 64); CALL(quotactl, 0, 0, 0, 0); CALL(swapon, "/", 0);
  CALL(reboot, 0, 0, 0, 0); CALL(settimeofday, params, 0); CALL(acct, 0); CALL(kcmp, 0, 0, 0, 0, 0); CALL(fanotify_init, 0, 0);
  SOCKET("AF_INET", AF_INET, SOCK_STREAM, 0); SOCKET("AF_INET6", AF_INET6, SOCK_DGRAM, 0); SOCKET("AF_PACKET", AF_PACKET, SOCK_RAW, 0);
  SOCKET("INET_RAW", AF_INET, SOCK_RAW, 255); SOCKET("INET6_RAW", AF_INET6, SOCK_RAW, 255); SOCKET("INET_ICMP", AF_INET, SOCK_DGRAM, 1);
  SOCKET("INET_SCTP", AF_INET, SOCK_STREAM, 132); SOCKET("INET_MPTCP", AF_INET, SOCK_STREAM, 262); SOCKET("INET_FLAGS", AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 6);
  SOCKET("AF_VSOCK", 40, SOCK_STREAM, 0); SOCKET("AF_ALG", 38, SOCK_SEQPACKET, 0); SOCKET("AF_BLUETOOTH", 31, SOCK_RAW, 0);
  SOCKET("NETLINK_NETFILTER", AF_NETLINK, SOCK_RAW, 12); SOCKET("AF_UNIX", AF_UNIX, SOCK_STREAM, 0); SOCKET("NETLINK_ROUTE", AF_NETLINK, SOCK_RAW, 0);
  return 0;
}`;

/** Everything not named here is refused with EPERM. */
const otherAnswers: Record<string, number> = {
  clone3: 38,
  AF_INET: 0,
  AF_INET6: 0,
  INET_FLAGS: 0,
  AF_UNIX: 0,
  NETLINK_ROUTE: 0,
};

integration('calls that lead out of sandboxes are refused', async (t) => {
  const compiler = ['/usr/bin/cc', '/usr/bin/gcc'].find((path) => existsSync(path));
  if (compiler === undefined) {
    t.log('skipped: this machine has no C compiler');
    return t.pass();
  }
  const probes = await ProbeDriver.open(t);
  writeFileSync(join(probes.directory, 'probe.c'), probeSource);
  execFileSync(compiler, [
    '-static',
    '-w',
    '-o',
    join(probes.directory, 'probe'),
    join(probes.directory, 'probe.c'),
  ]);
  const spec = probes.spec();
  mkdirSync(join(slotOf(spec), 'function'));
  copyFileSync(join(probes.directory, 'probe'), join(slotOf(spec), 'function/probe'));
  const probe = await probes.start(spec);
  const text = (await probe.evaluate(
    `return require('child_process').execFileSync('/slot/function/probe', { encoding: 'utf8' })`,
  )) as string;
  const answers = Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  );
  const expected = Object.fromEntries(
    Object.keys(answers).map((name) => [name, String(otherAnswers[name] ?? 1)]),
  );
  t.deepEqual(answers, expected);
  t.true(Object.keys(answers).length > 40);
});

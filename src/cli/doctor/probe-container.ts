/** Owns trying one container limited as a function's is: what it sees of its limits, and whether a socket reaches it. */
import { mkdtempSync, chmodSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judged, wrong, type Finding } from './check.js';
import type { Engine } from './engine.js';

const MEMORY_MB = 64;
const PIDS = 64;
const NOBODY = '65534:65534';

/** Runs in the container: tells over the mounted socket what it sees, then takes memory until it is killed. */
const PROGRAM = `
const fs = require('node:fs'), net = require('node:net'), os = require('node:os');
const read = (...paths) => { for (const p of paths) try { return fs.readFileSync(p, 'utf8').trim(); } catch {} return null; };
const told = {
  memory: read('/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'),
  pids: read('/sys/fs/cgroup/pids.max', '/sys/fs/cgroup/pids/pids.max'),
  seccomp: /^Seccomp:\\s*(\\d)/m.exec(read('/proc/self/status') || '')?.[1] ?? null,
  networks: Object.keys(os.networkInterfaces()),
  node: process.version,
};
const keep = [];
net.connect('/slot/s', function () { this.write(JSON.stringify(told) + '\\n'); }).on('data', () => {
  for (;;) keep.push(Buffer.alloc(4 << 20, 1));
});
setTimeout(() => process.exit(9), 15000);
`;

interface Told {
  memory: string | null;
  pids: string | null;
  seccomp: string | null;
  networks: string[];
  node: string;
}

/** Checks the limits in one container of the image, and removes it. Nothing rejects: a container that cannot run is a finding. */
export async function probeContainer(engine: Engine, image: string): Promise<Finding[]> {
  const slot = mkdtempSync(join(tmpdir(), 'glambdar-doctor-'));
  chmodSync(slot, 0o755);
  const { server, told } = await listen(join(slot, 's'));
  let id = '';
  try {
    id = (await engine.json<{ Id: string }>('POST', '/containers/create', specOf(image, slot))).Id;
    await engine.json('POST', `/containers/${id}/start`);
    const seen = await told;
    if (seen === null)
      return [
        wrong(
          'socket mounts',
          'a container could not reach a socket in a mounted folder',
          'Docker must run on this machine and see its files: not on another one, not in a virtual machine.',
        ),
      ];
    // Its memory is taken now: the kernel must end it, and Docker must say why.
    const { StatusCode } = await engine.json<{ StatusCode: number }>('POST', `/containers/${id}/wait`);
    const { State } = await engine.json<{ State: { OOMKilled: boolean } }>('GET', `/containers/${id}/json`);
    return findings(seen, State.OOMKilled, StatusCode);
  } catch (error) {
    return [
      wrong(
        'a container',
        `it could not run: ${(error as Error).message}`,
        'Start the server once, which builds the image; then look at `docker info`.',
      ),
    ];
  } finally {
    server.close();
    if (id !== '') await engine.send('DELETE', `/containers/${id}?force=1&v=1`).catch(() => undefined);
    rmSync(slot, { recursive: true, force: true });
  }
}

function findings(seen: Told, wasOomKilled: boolean, exitCode: number): Finding[] {
  const cgroups = 'The daemon must have this cgroup controller; `docker info` warns where it is missing.';
  return [
    judged('socket mounts', true, 'a container reached a socket in a mounted folder', ''),
    judged(
      'seccomp',
      seen.seccomp === '2',
      seen.seccomp === '2' ? 'filters system calls' : 'does not filter system calls',
      'Use a kernel and a Docker with seccomp, and start dockerd without --seccomp-profile=unconfined.',
    ),
    judged(
      'memory limit',
      Number(seen.memory) === MEMORY_MB << 20,
      `${MEMORY_MB} MB set, ${seen.memory ?? 'nothing'} bytes seen`,
      cgroups,
    ),
    judged('pids limit', Number(seen.pids) === PIDS, `${PIDS} set, ${seen.pids ?? 'nothing'} seen`, cgroups),
    judged(
      'out of memory',
      wasOomKilled,
      wasOomKilled
        ? 'a container over its limit was ended, and Docker told so'
        : `a container over its limit ended with ${exitCode}, and Docker did not tell why`,
      'Calls out of memory will be told as crashes. Update Docker and its runtime.',
    ),
    judged(
      'network off',
      seen.networks.every((name) => name === 'lo'),
      `a container has ${seen.networks.filter((name) => name !== 'lo').join(', ') || 'no network'}`,
      'Network "none" must give no interface; look at the daemon\'s configuration.',
    ),
  ];
}

function specOf(image: string, slot: string): object {
  return {
    Image: image,
    Entrypoint: ['node', '-e', PROGRAM],
    Cmd: [],
    User: NOBODY,
    Labels: { 'glambdar.doctor': '1' },
    HostConfig: {
      NetworkMode: 'none',
      Memory: MEMORY_MB << 20,
      MemorySwap: MEMORY_MB << 20,
      PidsLimit: PIDS,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Mounts: [{ Type: 'bind', Source: slot, Target: '/slot', ReadOnly: true }],
    },
  };
}

/** A socket that takes what the container tells. `told` is null when it tells nothing in time. */
async function listen(path: string): Promise<{ server: Server; told: Promise<Told | null> }> {
  let tell: (told: Told | null) => void = () => undefined;
  const told = new Promise<Told | null>((resolve) => (tell = resolve));
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (!text.endsWith('\n')) return;
      tell(JSON.parse(text) as Told);
      socket.write('go');
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  chmodSync(path, 0o666);
  setTimeout(() => tell(null), 15_000).unref();
  return { server, told };
}

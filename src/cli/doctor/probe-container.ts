/** Owns trying one container limited as a function's is: whether a socket reaches it, and what it sees and feels of its limits. */
import { mkdtempSync, chmodSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { judged, wrong, type Finding } from './check.js';
import { withCleanUp } from './clean-up.js';
import type { Engine } from './engine.js';

const MEMORY_MB = 64;
const PIDS = 64;
const NOBODY = '65534:65534';

/** The probe stops taking memory here: on a machine without limits it must not take all there is. */
const TAKEN_MB = 4 * MEMORY_MB;
/** How the probe ends when nothing has stopped it from taking that much. */
const UNLIMITED = 7;
/** For the container to tell what it sees. */
const TOLD_MS = 15_000;
/** Docker may learn later that a container was ended for memory than that it ended. */
const OOM_LATE_MS = 2_000;

/** Runs in the container: tells over the mounted socket what it sees, then takes memory until it is ended, or had too much. */
const PROGRAM = `
const fs = require('node:fs'), net = require('node:net'), os = require('node:os');
const read = (...paths) => { for (const p of paths) try { return fs.readFileSync(p, 'utf8').trim(); } catch {} return null; };
const told = {
  memory: read('/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'),
  pids: read('/sys/fs/cgroup/pids.max', '/sys/fs/cgroup/pids/pids.max'),
  seccomp: /^Seccomp:\\s*(\\d)/m.exec(read('/proc/self/status') || '')?.[1] ?? null,
  networks: Object.keys(os.networkInterfaces()),
};
const keep = [];
net.connect('/slot/s', function () { this.write(JSON.stringify(told) + '\\n'); }).on('data', () => {
  while (keep.length < ${TAKEN_MB / 4}) keep.push(Buffer.alloc(4 << 20, 1));
  process.exit(${UNLIMITED});
});
setTimeout(() => process.exit(9), ${TOLD_MS});
`;

interface Told {
  memory: string | null;
  pids: string | null;
  seccomp: string | null;
  networks: string[];
}

/** What to do where Docker does not tell who was ended for memory. */
const UNTOLD = 'Calls out of memory will be told as crashes. Update Docker and its runtime.';

/**
 * Checks the limits in one container of the image, and removes it. Nothing rejects: a container that cannot run is a finding.
 * @param dataDir the server's directory, null when it is not known
 */
export async function probeContainer(
  engine: Engine,
  image: string,
  dataDir: string | null,
): Promise<Finding[]> {
  const found = await tryContainer(engine, image, dataDir);
  // A daemon that usually tells may miss one container's end on a busy machine: that is nothing to mend.
  const isUntold = found.some(({ remedy }) => remedy === UNTOLD);
  return isUntold ? tryContainer(engine, image, dataDir) : found;
}

async function tryContainer(engine: Engine, image: string, dataDir: string | null): Promise<Finding[]> {
  const slot = makeSlot(dataDir);
  let creating: Promise<{ Id: string }> | undefined;
  let server: Server | undefined;
  const cleanUp = async (): Promise<void> => {
    server?.close();
    // A container whose creation is under way is there a moment later.
    const { Id = '' } = (await creating?.catch(() => undefined)) ?? {};
    if (Id !== '') await engine.send('DELETE', `/containers/${Id}?force=1&v=1`).catch(() => undefined);
    rmSync(slot, { recursive: true, force: true });
  };
  const probe = async (): Promise<Finding[]> => {
    const listening = await listen(join(slot, 's'));
    server = listening.server;
    creating = engine.json<{ Id: string }>('POST', '/containers/create', specOf(image, slot));
    const { Id: id } = await creating;
    await engine.json('POST', `/containers/${id}/start`);
    // Its end is waited for from the beginning: a container that does not find the socket ends without a word.
    const ended = engine.json<{ StatusCode: number }>('POST', `/containers/${id}/wait`);
    ended.catch(() => undefined);
    const seen = await Promise.race([listening.told, ended.then(() => null)]);
    if (seen === null) return [noSocket('a container could not reach a socket in a mounted folder')];
    // It takes memory now: the kernel must end it, and Docker must say why.
    const { StatusCode } = await ended;
    return findings(seen, await wasOomKilled(engine, id, StatusCode), StatusCode);
  };
  return withCleanUp(probe, cleanUp).catch((error: Error) => [startFailure(error.message, image)]);
}

/** The longest path that a socket may have; further bytes would be left out without a word. */
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * A folder to mount, where the server has its own: a server in a container sees another `/tmp` than the daemon. Where the server
 * has none, or this user may not write there, it lies among the temporary files.
 */
function makeSlot(dataDir: string | null): string {
  const prefix = (folder: string): string => join(folder, 'glambdar-doctor-');
  const own = dataDir === null ? null : prefix(join(dataDir, 'tmp'));
  if (own !== null && Buffer.byteLength(`${own}XXXXXX/s`) <= MAX_SOCKET_PATH_BYTES)
    try {
      return readableByAll(mkdtempSync(own));
    } catch {
      // There is no server's directory here, or it is another user's.
    }
  return readableByAll(mkdtempSync(prefix(tmpdir())));
}

function readableByAll(folder: string): string {
  chmodSync(folder, 0o755);
  return folder;
}

function noSocket(found: string): Finding {
  return wrong(
    'socket mounts',
    found,
    'Docker must run on this machine and see its files: not on another one, not in a virtual machine.',
  );
}

/** @param told the daemon's sentence */
function startFailure(told: string, image: string): Finding {
  if (/bind source path does not exist/.test(told))
    return noSocket(`Docker does not see a folder of this machine: ${told}`);
  if (/executable file not found|exec: "node"/.test(told))
    return wrong(
      'a container',
      `${image} has no program "node": ${told}`,
      'Use an image with Node.js in it.',
    );
  return wrong(
    'a container',
    `it could not run: ${told}`,
    'Look at `docker info` and at the log of dockerd.',
  );
}

async function wasOomKilled(engine: Engine, id: string, exitCode: number): Promise<boolean> {
  const deadline = performance.now() + OOM_LATE_MS;
  for (;;) {
    const { State } = await engine.json<{ State: { OOMKilled: boolean } }>('GET', `/containers/${id}/json`);
    if (State.OOMKilled || exitCode === UNLIMITED || performance.now() > deadline) return State.OOMKilled;
    await sleep(100);
  }
}

function findings(seen: Told, isOomTold: boolean, exitCode: number): Finding[] {
  const cgroups = 'The daemon must have this cgroup controller; `docker info` warns where it is missing.';
  const networks = seen.networks.filter((name) => name !== 'lo');
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
      `${MEMORY_MB} MB set, ${memoryText(seen.memory)} seen`,
      cgroups,
    ),
    judged('pids limit', Number(seen.pids) === PIDS, `${PIDS} set, ${countText(seen.pids)} seen`, cgroups),
    outOfMemory(isOomTold, exitCode),
    judged(
      'network off',
      networks.length === 0,
      `a container has ${networks.join(', ') || 'no network'}`,
      'Network "none" must give no interface; look at the daemon\'s configuration.',
    ),
  ];
}

function outOfMemory(isTold: boolean, exitCode: number): Finding {
  const title = 'out of memory';
  if (exitCode === UNLIMITED)
    return wrong(
      title,
      `a container limited to ${MEMORY_MB} MB took ${TAKEN_MB} MB`,
      'Memory and swap must be limited: `docker info` warns where the kernel cannot. Functions could take all memory.',
    );
  return judged(
    title,
    isTold,
    isTold
      ? 'a container over its limit was ended, and Docker told so'
      : `a container over its limit ended with ${exitCode}, and Docker did not tell why`,
    UNTOLD,
  );
}

/** The kernel has the word `max`, or in cgroup v1 a number beyond any memory, for no limit. */
function memoryText(bytes: string | null): string {
  if (bytes === null) return 'nothing';
  return Number(bytes) < 2 ** 60 ? `${Math.round(Number(bytes) / 2 ** 20)} MB` : 'no limit';
}

function countText(count: string | null): string {
  if (count === null) return 'nothing';
  return count === 'max' ? 'no limit' : count;
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
  setTimeout(() => tell(null), TOLD_MS).unref();
  return { server, told };
}

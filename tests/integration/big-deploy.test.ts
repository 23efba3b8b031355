/** Large deploys beside other requests, and a disk that is full. */
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import AdmZip from 'adm-zip';
import type { ExecutionContext } from 'ava';
import { integration } from '../helpers/integration.js';
import { ServerProcess } from '../helpers/server-process.js';
import { strays } from '../helpers/strays.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const quick = `exports.handler = () => ({ body: 'quick' });`;

/** A zip with this much that cannot be compressed; written once, stored. */
function bigZip(mib: number): Buffer {
  const zip = new AdmZip();
  zip.addFile('index.js', Buffer.from(`exports.handler = () => ({ body: 'big' });`));
  for (let part = 0; part < mib; part += 7) {
    const name = `data/${part}.bin`;
    zip.addFile(name, randomBytes(Math.min(7, mib - part) * MIB));
    zip.getEntry(name)!.header.method = 0;
  }
  return zip.toBuffer();
}

/** Through curl: a process of its own, so that the sending does not hold up the clients of this one. */
async function upload(
  server: ServerProcess,
  name: string,
  zip: Buffer,
): Promise<{ status: number; body: string }> {
  const file = join(tmpdir(), `${name}-${process.pid}.zip`);
  writeFileSync(file, zip);
  try {
    const form = ['-F', `file=@${file};filename=${name}.zip`, '-w', '\n%{http_code}'];
    const { stdout } = await run('curl', ['-sS', '--max-time', '90', ...form, `${server.url}/deploy`]);
    const cut = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(cut + 1)), body: stdout.slice(0, cut) };
  } finally {
    rmSync(file);
  }
}

/** Milliseconds the main thread of a process was ready to run and the kernel let others run. */
function waitedForCpuMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}

/**
 * The longest a request took while `work` ran, asked again and again. On a busy machine most of that is waiting for a
 * processor, the server's and this client's, which is no fault of the server: the kernel counts it, and it is taken off.
 */
async function worstWhile(
  work: Promise<unknown>,
  server: ServerProcess,
  path: string,
): Promise<{ raw: number; own: number }> {
  let over = false;
  void work.finally(() => (over = true)).catch(() => undefined);
  const worst = { raw: 0, own: 0 };
  const others = (): number => waitedForCpuMs(server.pid) + waitedForCpuMs(process.pid);
  while (!over) {
    const [begun, waited] = [performance.now(), others()];
    await server.request(path);
    const raw = performance.now() - begun;
    worst.raw = Math.max(worst.raw, Math.round(raw));
    worst.own = Math.max(worst.own, Math.round(raw - (others() - waited)));
    await sleep(5);
  }
  await work;
  return worst;
}

integration('a deploy of 50 MiB holds up no other request for 100 ms', async (t) => {
  t.timeout(170_000);
  const server = await ServerProcess.start();
  t.teardown(() => server.destroy());
  await server.deployed('warm', quick, { isolation: 'function' });
  const zip = bigZip(49);
  t.true(zip.length > 49 * MIB && zip.length <= 50 * MIB);
  const worst: Record<string, number> = {};
  for (const path of ['/healthz', '/info', '/invoke/warm']) {
    // The better of two: a disk that others write to is a delay of its own.
    for (let attempt = 1; attempt <= 2 && (worst[path] ?? 100) >= 100; attempt += 1) {
      const deploy = upload(server, `big-${attempt}`, zip);
      const { raw, own } = await worstWhile(deploy, server, path);
      const { status, body } = await deploy;
      t.is(status, 201, body);
      t.log(`${path} waited ${raw} ms at worst, ${own} ms of it for the server`);
      worst[path] = Math.min(own, worst[path] ?? Infinity);
    }
  }
  t.true(worst['/healthz']! < 100);
  t.true(worst['/info']! < 100);
  // The container's own wait for a processor is in this one.
  t.true(worst['/invoke/warm']! < 500);
  t.is((await server.invoke('big-1')).text, '"big"');
});

integration('a zip over the limit is refused with 413, and nothing of it stays', async (t) => {
  const server = await ServerProcess.start({
    env: { GLAMBDAR_MAX_ZIP_MB: '2', GLAMBDAR_MAX_UNPACKED_MB: '3' },
  });
  t.teardown(() => server.destroy());
  for (const zip of [bigZip(3), Buffer.alloc(20 * MIB), compressible(4)]) {
    const { status, body } = await upload(server, 'large', zip);
    t.is(status, 413, body);
    t.is(JSON.parse(body).code, 'BUNDLE_TOO_LARGE');
    t.deepEqual(await strays(server), []);
  }
  t.is((await upload(server, 'fits', bigZip(1))).status, 201);
});

/** Small as a zip, large when it is unpacked. */
function compressible(mib: number): Buffer {
  const zip = new AdmZip();
  zip.addFile('index.js', Buffer.from(quick));
  zip.addFile('zeros', Buffer.alloc(mib * MIB));
  return zip.toBuffer();
}

/** A server whose data directory is a file system of 64 MB of its own; undefined where that cannot be had. */
async function onSmallDisk(t: ExecutionContext): Promise<ServerProcess | undefined> {
  const server = await ServerProcess.start();
  const image = `${server.dir}.img`;
  let mounted = false;
  t.teardown(async () => {
    if (server.running && mounted) await server.assertIdle();
    await server.stop();
    if (mounted) execFileSync('umount', [server.dir]);
    rmSync(image, { force: true });
    await server.destroy();
  });
  await server.stop();
  try {
    writeFileSync(image, '');
    truncateSync(image, 64 * MIB);
    execFileSync('mkfs.ext4', ['-q', '-m', '0', image], { stdio: 'pipe' });
    execFileSync('mount', ['-o', 'loop', image, server.dir], { stdio: 'pipe' });
    mounted = true;
  } catch (error) {
    t.log(`not tried: a file system cannot be mounted here (${(error as Error).message.trim()})`);
    t.pass();
    return undefined;
  }
  await server.restart();
  return server;
}

/** Fills the disk but for so many bytes. */
function fill(server: ServerProcess, leaveBytes = 0): void {
  const descriptor = openSync(join(server.dir, 'filler'), 'a');
  for (const chunk of [Buffer.alloc(MIB, 1), Buffer.alloc(4096, 1)]) {
    try {
      for (;;) {
        const { bavail, bsize } = statfsSync(server.dir);
        if (bavail * bsize < leaveBytes + chunk.length && leaveBytes > 0) break;
        writeSync(descriptor, chunk);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
    fsyncSync(descriptor); // until then ext4 has not decided where it goes
  }
  closeSync(descriptor);
}

function assertFull(t: ExecutionContext, { status, body }: { status: number; body: string }): void {
  t.is(status, 507, body);
  const { code, error } = JSON.parse(body) as { code: string; error: string };
  t.is(code, 'DISK_FULL');
  t.regex(error, /disk.* full/);
  t.notRegex(error, /ENOSPC|\/tmp|sqlite/i);
}

integration(
  'a full disk refuses deploys with 507, serves calls and deletes, and recovers without a restart',
  async (t) => {
    const server = await onSmallDisk(t);
    if (server === undefined) return;
    for (const name of ['kept', 'dropped']) await server.deployed(name, quick);
    await server.assertIdle();
    fill(server);
    assertFull(t, await upload(server, 'new', compressible(1)));
    assertFull(t, await upload(server, 'kept', bigZip(1)));
    t.deepEqual(await strays(server), []);
    t.is((await server.request('/info/new')).status, 404);
    for (let count = 0; count < 5; count += 1) {
      const answer = await server.invoke('kept');
      t.is(answer.text, '"quick"');
    }
    const deleted = await server.request('/del/dropped', { method: 'DELETE' });
    t.is(deleted.status, 200, deleted.text);
    t.is((await server.invoke('dropped')).status, 404);
    await server.assertIdle();
    fill(server); // also what giving up the reserve may have freed
    const call = await server.invoke('kept');
    if (call.status !== 200) assertFull(t, { status: call.status, body: call.text });
    t.is((await server.request('/healthz')).status, 200);
    rmSync(join(server.dir, 'filler'));
    const { status, body } = await upload(server, 'new', bigZip(1));
    t.is(status, 201, body);
    t.is((await server.invoke('new')).text, '"big"');
    t.is((await server.request('/readyz')).status, 200);
  },
);

integration('calls on a full disk leave deletes the room that they need', async (t) => {
  const server = await onSmallDisk(t);
  if (server === undefined) return;
  const names = ['one', 'two', 'three'];
  for (const name of ['kept', ...names]) await server.deployed(name, quick);
  await server.assertIdle();
  fill(server);
  for (let count = 0; count < 6; count += 1) t.is((await server.invoke('kept')).text, '"quick"');
  await server.assertIdle();
  fill(server); // what the calls may have freed
  for (const name of names) {
    const deleted = await server.request(`/del/${name}`, { method: 'DELETE' });
    t.is(deleted.status, 200, deleted.text);
  }
});

integration('a disk that fills up in the middle of a deploy leaves nothing of it', async (t) => {
  const server = await onSmallDisk(t);
  if (server === undefined) return;
  await server.deployed('kept', quick);
  await server.assertIdle();
  fill(server, 16 * MIB);
  // There is room for the archive (14 MiB) and not for what is in it.
  assertFull(t, await upload(server, 'kept', bigZip(14)));
  assertFull(t, await upload(server, 'new', bigZip(14)));
  assertFull(t, await upload(server, 'new', bigZip(20)));
  t.deepEqual(await strays(server), []);
  t.is((await server.invoke('kept')).text, '"quick"');
  const { bavail, bsize } = statfsSync(server.dir);
  t.true(bavail * bsize > 14 * MIB, 'what was taken is given back');
  await server.restart();
  await server.assertIdle();
  t.deepEqual(await strays(server), []);
  t.is((await server.invoke('kept')).text, '"quick"');
});

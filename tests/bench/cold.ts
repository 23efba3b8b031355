/**
 * Owns one comparison: a cold call through the server against the least that must be done for it — create, start,
 * connect, answer by the raw Engine API with the same settings. Interleaved in one run, nothing else at work; each side
 * starts when the container of the other is gone. Prints medians and their ratio.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import AdmZip from 'adm-zip';
import { ensureBaseImage } from '../../src/driver/base-image.js';
import { containerName, createOptions, type ContainerContext } from '../../src/driver/container-spec.js';
import { detectFeatures } from '../../src/driver/docker-features.js';
import { parseDockerHost } from '../../src/driver/docker-host.js';
import { Engine } from '../../src/driver/engine.js';

const PAIRS = Number(process.argv[2] ?? 40);
const WARM_UP = 3;

const docker = parseDockerHost(process.env['DOCKER_HOST'] ?? null);
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

interface Answer {
  status: number;
  body: Buffer;
}

function call(options: object, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const req = request({ agent, timeout: 30_000, headers, ...options }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    req.on('error', reject);
    req.end(body);
  });
}

async function engineCall(method: string, path: string, body?: unknown): Promise<Buffer> {
  const { status, body: text } = await call(
    { ...docker, method, path },
    body === undefined ? undefined : JSON.stringify(body),
  );
  if (status >= 300 && status !== 304) throw new Error(`${method} ${path}: ${status} ${text.toString()}`);
  return text;
}

/** The floor: what any system must do for a fresh container that answers over a socket. Returns milliseconds. */
async function rawCold(root: string, context: ContainerContext, number: number): Promise<number> {
  const instanceId = `bench${String(number).padStart(8, '0')}`;
  const slotDir = join(root, instanceId);
  const begun = performance.now();
  mkdirSync(slotDir);
  chmodSync(slotDir, 0o711);
  const server = createServer();
  server.listen(join(slotDir, 's'));
  chmodSync(join(slotDir, 's'), 0o666);
  const uid = 199_000 + number;
  const profile = { memoryMb: 128, cpus: 0.5, network: 'none' as const };
  const { name: _name, ...options } = createOptions(
    { instanceId, profile, slotDir, uid, cpuSecondsLimit: 455 },
    slotDir,
    context,
  );
  const connected = once(server, 'connection');
  await engineCall('POST', `/containers/create?name=${containerName(instanceId)}`, options);
  await engineCall('POST', `/containers/${containerName(instanceId)}/start`);
  const [socket] = (await connected) as [Socket];
  socket.write('{"name":"Ada"}');
  await once(socket, 'data');
  const took = performance.now() - begun;
  socket.destroy();
  server.close();
  await engineCall('DELETE', `/containers/${containerName(instanceId)}?force=1&v=1`);
  rmSync(slotDir, { recursive: true });
  return took;
}

async function serverCold(base: URL): Promise<number> {
  const begun = performance.now();
  const { status, body } = await call(
    { host: base.hostname, port: base.port, method: 'POST', path: '/invoke/bench' },
    '{"name":"Ada"}',
  );
  const took = performance.now() - begun;
  if (status !== 200) throw new Error(`the call answered ${status}: ${body.toString()}`);
  await untilNoInstances(base);
  return took;
}

async function untilNoInstances(base: URL): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { body } = await call({ host: base.hostname, port: base.port, path: '/metrics' });
    const counts = [...body.toString().matchAll(/^glambdar_instances\{.*\} (\d+)$/gm)].map((match) =>
      Number(match[1]),
    );
    if (counts.every((count) => count === 0)) return;
    if (Date.now() > deadline) throw new Error('containers were not removed within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function row(name: string, values: number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  return `${name.padEnd(28)}${[median(sorted), sorted[0]!, sorted.at(-1)!].map((value) => value.toFixed(1).padStart(10)).join('')}`;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const root = mkdtempSync(join(tmpdir(), 'glambdar-bench-'));
const dataDir = mkdtempSync(join(tmpdir(), 'glambdar-bench-data-'));
chmodSync(root, 0o711);
const workerDir = join(root, 'worker');
mkdirSync(workerDir, { mode: 0o755 });
writeFileSync(
  join(workerDir, 'main.cjs'),
  "const s = require('node:net').connect('/slot/s'); s.on('data', () => s.write('{\"message\":\"Hello\"}'));\n",
  { mode: 0o644 },
);

const engine = new Engine(docker);
const image = await ensureBaseImage(engine, {
  image: process.env['GLAMBDAR_IMAGE'] ?? null,
  progress: (line) => console.error(line),
});
const features = await detectFeatures(engine, null);
engine.close();
const context: ContainerContext = {
  dirId: 'bench',
  bootId: 'bench',
  image,
  workerDir,
  runtime: null,
  bridgeNetwork: 'none',

  ...features,
};

const server = spawn(process.execPath, ['dist/src/main.js'], {
  env: {
    PATH: process.env['PATH'],
    ...(process.env['DOCKER_HOST'] ? { DOCKER_HOST: process.env['DOCKER_HOST'] } : {}),
    GLAMBDAR_DIR: dataDir,
    GLAMBDAR_PORT: '0',
    GLAMBDAR_LOG_LEVEL: 'warn',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(server.stdout).once('line', resolve);
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const base = new URL(/http:\S+/.exec(line)![0]);
  const zip = new AdmZip();
  zip.addFile(
    'index.js',
    Buffer.from(
      "exports.handler = async (req) => ({ body: { message: 'Hello, ' + (await req.json()).name } });\n",
    ),
  );
  const form = new FormData();
  form.set('file', new Blob([zip.toBuffer()]), 'bench.zip');
  const deployed = await fetch(new URL('/deploy', base), { method: 'POST', body: form });
  if (deployed.status !== 201)
    throw new Error(`the deploy answered ${deployed.status}: ${await deployed.text()}`);
  await untilNoInstances(base);

  const raw: number[] = [];
  const ours: number[] = [];
  for (let pair = 0; pair < PAIRS + WARM_UP; pair += 1) {
    // Either side first in turn, so that neither always follows the other's clean-up.
    const measure = [
      async () => raw.push(await rawCold(root, context, pair)),
      async () => ours.push(await serverCold(base)),
    ];
    for (const side of pair % 2 === 0 ? measure : measure.reverse()) await side();
  }
  raw.splice(0, WARM_UP);
  ours.splice(0, WARM_UP);
  const ratio = median(ours) / median(raw);
  console.log(
    `${PAIRS} pairs, interleaved, milliseconds${' '.repeat(8)}median       min       max`.replace(
      'milliseconds',
      'ms',
    ),
  );
  console.log(row('raw create+start+answer', raw));
  console.log(row('cold call through the server', ours));
  console.log(`ratio of medians: ${ratio.toFixed(3)}`);
  console.log(
    `ratio pair by pair, median: ${median(ours.map((value, index) => value / raw[index]!)).toFixed(3)}`,
  );
} finally {
  server.kill('SIGTERM');
  if (server.exitCode === null) await once(server, 'exit');
  agent.destroy();
  rmSync(root, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}

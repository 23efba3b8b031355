/**
 * Owns the floor of everything that needs a container: the raw Engine API with the settings the server uses. Its
 * containers are removed by their own names.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Image } from '../../src/driver/docker/image/image.js';
import { ensureNodeImage } from '../../src/driver/docker/image/node-image.js';
import { RegistryLogins } from '../../src/driver/docker/image/registry-logins.js';
import { ensurePulledImage } from '../../src/driver/docker/image/pulled-image.js';
import {
  containerName,
  createOptions,
  type ContainerContext,
} from '../../src/driver/docker/container-options.js';
import { detectFeatures } from '../../src/driver/docker/docker-features.js';
import { parseDockerHost, type DockerAddress } from '../../src/driver/docker/docker-host.js';
import { Engine } from '../../src/driver/docker/engine/engine.js';
import { LoopbackFiles } from '../../src/driver/docker/network/loopback-files.js';
import { imageContainer } from '../../src/images/image-container.js';
import { workerContainer } from '../../src/instance/worker-container.js';
import { DEFAULT_SETTINGS } from '../../src/model/function/settings.js';
import { InstalledRuntime } from '../../src/runtimes/installed-runtime.js';
import { node } from '../../src/runtimes/node.js';

const PROFILE = { runtime: 'node', memoryMb: 128, cpus: 0.5, network: 'none' as const, cpuSeconds: 455 };
const CONNECT_MS = 15_000;
/** What starts under way are given to end. */
const STARTING_MS = 5_000;
/** Below the server's own range of uids. */
const FIRST_UID = 190_000;
const UIDS = 9_000;

/** The least worker there can be: it connects and answers whatever it is sent. */
const ANSWERING_WORKER =
  "const s = require('node:net').connect('/slot/s'); s.on('data', () => s.write('{\"message\":\"Hello\"}'));\n";

/** One container, connected. */
export interface RawContainer {
  name: string;
  socket: Socket;
  server: Server;
  slotDir: string;
}

export class RawEngine {
  readonly #docker: DockerAddress;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  readonly #root: string;
  readonly #runtime: InstalledRuntime;
  readonly #image: Image;
  readonly #context: ContainerContext;
  readonly #prefix = `bench${randomBytes(4).toString('hex')}`;
  readonly #containers = new Map<string, RawContainer | null>();
  readonly #starting = new Set<Promise<unknown>>();
  #made = 0;
  #closed = false;

  private constructor(
    docker: DockerAddress,
    root: string,
    runtime: InstalledRuntime,
    image: Image,
    context: ContainerContext,
  ) {
    this.#docker = docker;
    this.#root = root;
    this.#runtime = runtime;
    this.#image = image;
    this.#context = context;
  }

  /** Builds the base image when it is missing. */
  static async open(): Promise<RawEngine> {
    const docker = parseDockerHost(process.env['DOCKER_HOST'] ?? null);
    const engine = new Engine(docker);
    const chosen = process.env['GLAMBDAR_IMAGE'];
    const progress = (line: string): void => console.error(line);
    const image = await (chosen
      ? ensurePulledImage(engine, chosen, {
          progress,
          logins: new RegistryLogins({ file: null, logger: console }),
        })
      : ensureNodeImage(engine, { progress }));
    const features = await detectFeatures(engine, null);
    engine.close();
    const root = mkdtempSync(join(tmpdir(), 'glambdar-bench-'));
    chmodSync(root, 0o711);
    const answering = { ...node, workerFiles: () => ({ 'main.cjs': ANSWERING_WORKER }) };
    const runtime = new InstalledRuntime(answering, join(root, 'worker'));
    runtime.repair();
    const loopback = new LoopbackFiles(root);
    loopback.repair();
    return new RawEngine(docker, root, runtime, image, {
      dirId: 'bench',
      bootId: 'bench',
      ociRuntime: null,
      bridgeNetwork: 'none',
      bridgeResolvers: [],
      loopbackMounts: loopback.mounts,
      ...features,
    });
  }

  /** One request of the Engine API; rejects with the daemon's words unless it succeeds. */
  call(method: string, path: string, content?: unknown): Promise<Buffer> {
    const body = content === undefined ? undefined : JSON.stringify(content);
    const headers =
      body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, timeout: 30_000, headers, ...this.#docker, method, path };
      const req = request(options, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('end', () => {
          const text = Buffer.concat(chunks);
          const status = res.statusCode ?? 0;
          if (status < 300 || status === 304) resolve(text);
          else reject(new Error(`${method} ${path}: ${status} ${text.toString()}`));
        });
      });
      req.on('error', reject);
      req.end(body);
    });
  }

  /** Daemon's answer to a GET, parsed. */
  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.call('GET', path)).toString()) as T;
  }

  /** Creates and starts a container and waits for its worker to connect. */
  start(): Promise<RawContainer> {
    if (this.#closed) return Promise.reject(new Error('the raw engine is closed'));
    const starting = this.#start();
    this.#starting.add(starting);
    const forget = (): void => void this.#starting.delete(starting);
    starting.then(forget, forget);
    return starting;
  }

  async #start(): Promise<RawContainer> {
    this.#made += 1;
    const id = `${this.#prefix}${String(this.#made).padStart(6, '0')}`;
    const name = containerName(id);
    const slotDir = join(this.#root, id);
    mkdirSync(slotDir);
    chmodSync(slotDir, 0o711);
    const server = createServer();
    server.listen(join(slotDir, 's'));
    chmodSync(join(slotDir, 's'), 0o666);
    const uid = FIRST_UID + (this.#made % UIDS);
    const spec = workerContainer({
      id,
      runtime: this.#runtime,
      profile: PROFILE,
      slotDir,
      uid,
    });
    const { name: _name, ...options } = createOptions(spec, spec.mounts, this.#image, this.#context);
    const connected = once(server, 'connection', { signal: AbortSignal.timeout(CONNECT_MS) });
    connected.catch(() => undefined); // awaited below, unless the start fails first
    this.#containers.set(name, null);
    await this.call('POST', `/containers/create?name=${name}`, options);
    await this.call('POST', `/containers/${name}/start`);
    const [socket] = (await connected) as [Socket];
    socket.on('error', () => undefined); // a removed container resets it
    const container = { name, socket, server, slotDir };
    this.#containers.set(name, container);
    return container;
  }

  /**
   * Creates and starts a container of an image with an HTTP server, as `docker run` would, waits until the server accepts
   * connections, and posts the body. @returns the answer, and how long that took, removal left out, in milliseconds
   */
  async serveOnce(reference: string, port: number, path: string, body: string) {
    this.#made += 1;
    const name = containerName(`${this.#prefix}${String(this.#made).padStart(6, '0')}`);
    const began = performance.now();
    this.#containers.set(name, null);
    const { memoryMb, cpus } = DEFAULT_SETTINGS;
    const HostConfig = { Memory: memoryMb * 2 ** 20, CpuPeriod: 1_000_000, CpuQuota: cpus * 1_000_000 };
    await this.call('POST', `/containers/create?name=${name}`, { Image: reference, HostConfig });
    await this.call('POST', `/containers/${name}/start`);
    type Found = { NetworkSettings: { IPAddress: string } };
    const { NetworkSettings } = await this.get<Found>(`/containers/${name}/json`);
    let text: string | undefined;
    while (text === undefined)
      text = await fetch(`http://${NetworkSettings.IPAddress}:${port}${path}`, { method: 'POST', body }).then(
        (answer) => answer.text(),
        () => sleep(2).then(() => undefined),
      );
    const ms = performance.now() - began;
    await this.call('DELETE', `/containers/${name}?force=1&v=1`);
    this.#containers.delete(name);
    return { text, ms };
  }

  /**
   * Creates and starts a container of an image with the settings of an image function, waits for its end, reads its answer,
   * and removes it. @returns milliseconds until the answer was read
   */
  async runOnce(reference: string, body: string): Promise<number> {
    type Found = { Id: string; Config: { Env: string[] } };
    const { Id, Config } = await this.get<Found>(`/images/${reference}/json`);
    this.#made += 1;
    const id = `${this.#prefix}${String(this.#made).padStart(6, '0')}`;
    const name = containerName(id);
    const uid = FIRST_UID + (this.#made % UIDS);
    const folder = join(this.#root, id);
    const image = { ...this.#image, id: Id, env: Config.Env, workingDir: '/', volumes: [] };
    const began = performance.now();
    mkdirSync(folder);
    for (const [file, content] of [
      ['request.json', body],
      ['response.json', '{}'],
    ] as const) {
      writeFileSync(join(folder, file), content);
      chownSync(join(folder, file), uid, uid);
    }
    chownSync(folder, uid, uid);
    const spec = imageContainer({
      id,
      digest: Id,
      settings: DEFAULT_SETTINGS,
      busyMs: DEFAULT_SETTINGS.timeoutMs,
      uid,
      env: { REQUEST_ID: id, CONTEXT_PATH: `/tmp/context/${id}` },
      mounts: [{ source: folder, target: `/tmp/context/${id}`, readOnly: false }],
    });
    const { name: _name, ...options } = createOptions(spec, spec.mounts, image, this.#context);
    this.#containers.set(name, null);
    await this.call('POST', `/containers/create?name=${name}`, options);
    await this.call('POST', `/containers/${name}/start`);
    await this.call('POST', `/containers/${name}/wait`);
    const answer = readFileSync(join(folder, 'response.json'), 'utf8');
    const took = performance.now() - began;
    await this.call('DELETE', `/containers/${name}?force=1&v=1`);
    this.#containers.delete(name);
    rmSync(folder, { recursive: true });
    if (answer !== body) throw new Error(`the container answered ${answer}`);
    return took;
  }

  /** Sends the container something and waits for its answer. */
  async ask({ socket }: RawContainer, body: string): Promise<void> {
    socket.write(body);
    await once(socket, 'data');
  }

  async remove({ name, socket, server, slotDir }: RawContainer): Promise<void> {
    socket.destroy();
    server.close();
    await this.call('DELETE', `/containers/${name}?force=1&v=1`);
    this.#containers.delete(name);
    rmSync(slotDir, { recursive: true });
  }

  /** Removes whatever of it is left; tells of what could not be. */
  async close(): Promise<void> {
    this.#closed = true;
    // A container whose creation is under way could not be removed yet.
    await Promise.race([Promise.allSettled(this.#starting), sleep(STARTING_MS, undefined, { ref: false })]);
    for (const [name, container] of this.#containers) {
      container?.socket.destroy();
      container?.server.close();
      await this.call('DELETE', `/containers/${name}?force=1&v=1`).catch((error: Error) => {
        if (!error.message.includes(': 404 ')) console.error(`left behind: ${name}: ${error.message}`);
      });
    }
    this.#containers.clear();
    this.#agent.destroy();
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Owns a real Docker driver for a test: its directories, a worker that evaluates what it is sent, and the teardown of all. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { createDockerDriver, type DockerDriverOptions } from '../../src/driver/docker/docker-driver.js';
import type { ContainerSpec, Driver } from '../../src/driver/driver.js';
import { writePasswd } from '../../src/instance/slot-socket.js';
import { workerContainer } from '../../src/instance/worker-container.js';
import type { ContainerImage } from '../../src/model/container-image.js';
import type { Profile } from '../../src/model/function/profile.js';
import { InstalledRuntime } from '../../src/runtimes/installed-runtime.js';
import { node } from '../../src/runtimes/node.js';
import { createLogger } from '../../src/logger.js';

const workerSource = `
const lines = require('node:readline').createInterface({ input: require('node:net').connect('/slot/s') });
const AsyncFunction = (async () => {}).constructor;
lines.on('line', async (line) => {
  let answer;
  try {
    answer = { value: await new AsyncFunction('require', JSON.parse(line))(require) };
  } catch (error) {
    answer = { error: String(error.cause?.code ?? error.code ?? error) };
  }
  lines.input.write(JSON.stringify(answer) + '\\n');
});
lines.on('close', () => process.exit(0));
`;

export const defaultProfile: Profile = {
  runtime: 'node',
  memoryMb: 128,
  cpus: 1,
  network: 'none',
  cpuSeconds: 30,
};

/** A started container with a worker that is connected. */
export interface Probe {
  id: string;
  /** Runs the body of an async function in the container; its result comes back as JSON. Rejects with the error's code. */
  evaluate(code: string): Promise<unknown>;
  socket: Socket;
}

export class ProbeDriver {
  readonly driver: Driver;
  readonly directory = mkdtempSync(join(tmpdir(), 'glambdar-driver-'));
  readonly options: DockerDriverOptions;
  readonly runtime: InstalledRuntime;
  readonly #sockets = new Set<{ close(): void }>();
  #uid = 300_000;

  /** Not open yet. @param image of the containers; by default the built-in one */
  constructor(t: ExecutionContext, options: Partial<DockerDriverOptions> = {}, image?: ContainerImage) {
    const runRoot = options.runRoot ?? join(this.directory, 'run');
    this.options = {
      dockerHost: null,
      ociRuntime: null,
      dirId: randomBytes(8).toString('hex'),
      bootId: randomBytes(8).toString('hex'),
      runRoot,
      filesDir: join(runRoot, 'files'),
      logger: createLogger('silent'),
      ...options,
    };
    mkdirSync(runRoot, { recursive: true, mode: 0o700 });
    const evaluating = { ...node, workerFiles: () => ({ 'main.cjs': workerSource }) };
    this.runtime = new InstalledRuntime(evaluating, join(runRoot, 'worker'), image);
    this.runtime.repair();
    this.driver = createDockerDriver(this.options);
    t.teardown(async () => {
      await this.driver.close();
      for (const socket of this.#sockets) socket.close();
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  /** Open, with the image prepared. */
  static async open(
    t: ExecutionContext,
    options: Partial<DockerDriverOptions> = {},
    image?: ContainerImage,
  ): Promise<ProbeDriver> {
    const probeDriver = new ProbeDriver(t, options, image);
    await probeDriver.driver.open();
    await probeDriver.driver.prepareImage(probeDriver.runtime.image, (line) => t.log(line));
    return probeDriver;
  }

  /** A spec with a slot of its own. */
  spec(profile: Partial<Profile> = {}): ContainerSpec {
    const id = randomBytes(8).toString('hex');
    const slotDir = join(this.options.runRoot, id);
    mkdirSync(slotDir, { mode: 0o711 });
    writePasswd(slotDir, (this.#uid += 1));
    return workerContainer({
      id,
      runtime: this.runtime,
      profile: { ...defaultProfile, ...profile },
      slotDir,
      uid: this.#uid,
    });
  }

  /** Starts a container and waits until its worker has connected. */
  async start(spec: ContainerSpec = this.spec()): Promise<Probe> {
    const server = createServer();
    const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
    await new Promise<void>((resolve) => server.listen(join(slotOf(spec), 's'), resolve));
    chmodSync(join(slotOf(spec), 's'), 0o666);
    this.#sockets.add(server);
    await this.driver.start(spec, new AbortController().signal);
    const socket = await connected;
    socket.on('error', () => undefined);
    this.#sockets.add({ close: () => socket.destroy() });
    const answers = createInterface({ input: socket })[Symbol.asyncIterator]();
    return {
      id: spec.id,
      socket,
      evaluate: async (code) => {
        socket.write(`${JSON.stringify(code)}\n`);
        const { value: line, done } = (await answers.next()) as { value: string; done: boolean };
        if (done) throw new Error('the worker hung up');
        const { value, error } = JSON.parse(line) as { value?: unknown; error?: string };
        if (error !== undefined) throw new Error(error);
        return value;
      },
    };
  }
}

/** Path of the directory that is mounted at `/slot`. */
export function slotOf({ mounts }: ContainerSpec): string {
  return mounts.find(({ target }) => target === '/slot')!.source;
}

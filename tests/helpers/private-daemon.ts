/**
 * Owns a Docker daemon of the test's own, in a network namespace of its own, so that it can be stopped, frozen and killed
 * while the machine's one is left alone (`dockerd --bridge=none` in the host's namespace deletes its docker0).
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import Dockerode from 'dockerode';

const run = promisify(execFile);

export class PrivateDaemon {
  readonly socketPath: string;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
    this.socketPath = join(directory, 'docker.sock');
  }

  /** Ready when it resolves. Call `destroy` in a teardown. */
  static async start(): Promise<PrivateDaemon> {
    const daemon = new PrivateDaemon(await mkdtemp(join(tmpdir(), 'glambdar-daemon-')));
    await writeFile(join(daemon.#directory, 'config.json'), '{}');
    await daemon.restart();
    return daemon;
  }

  /** Value for DOCKER_HOST. */
  get host(): string {
    return `unix://${this.socketPath}`;
  }

  get docker(): Dockerode {
    return new Dockerode({ socketPath: this.socketPath });
  }

  /** Process id of dockerd; its network namespace is the daemon's world. */
  get pid(): number {
    return Number(readFileSync(this.#pidFile, 'utf8'));
  }

  /** Starts it again after `stop` or `kill`. */
  async restart(): Promise<void> {
    await rm(this.#pidFile, { force: true }); // after a kill it would refuse to start
    const log = openSync(join(this.#directory, 'log'), 'a');
    const options =
      '--data-root "$D/data" --exec-root "$D/exec" -H "unix://$D/docker.sock" --pidfile "$D/pid" --config-file "$D/config.json"';
    this.#process = spawn('unshare', ['-n', 'sh', '-c', `ip link set lo up; exec dockerd ${options}`], {
      env: { ...process.env, D: this.#directory },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const deadline = performance.now() + 30_000;
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error(`dockerd ended: ${await this.log()}`);
      try {
        await this.docker.ping();
        return;
      } catch (error) {
        if (performance.now() > deadline)
          throw new Error(`dockerd does not answer: ${await this.log()}`, { cause: error });
        await sleep(50);
      }
    }
  }

  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** As a crash; its containers go on running. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** As an operator does it; ends its containers. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Copies images from the machine's daemon. */
  async load(...images: string[]): Promise<void> {
    const from = new Dockerode({ socketPath: '/var/run/docker.sock' });
    for (const image of images) {
      const progress = await this.docker.loadImage(await from.getImage(image).get());
      await new Promise((resolve, reject) =>
        this.docker.modem.followProgress(progress, (error) => (error ? reject(error) : resolve(undefined))),
      );
    }
  }

  /** Its last words. */
  async log(): Promise<string> {
    return (await readFile(join(this.#directory, 'log'), 'utf8')).slice(-4_000);
  }

  /** Ends it, its containers and its containerd; unmounts and deletes everything. */
  async destroy(): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) {
      this.thaw();
    } else {
      await this.restart(); // only a daemon can end what a killed one left running
    }
    for (const { Id } of await this.docker.listContainers({ all: true })) {
      await this.docker.getContainer(Id).remove({ force: true, v: true });
    }
    await this.stop();
    const mounts = (await readFile('/proc/self/mounts', 'utf8'))
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '');
    for (const mount of mounts.filter((path) => path.startsWith(`${this.#directory}/`)).reverse()) {
      await run('umount', ['-l', mount]);
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  get #pidFile(): string {
    return join(this.#directory, 'pid');
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const containerdPidFile = join(this.#directory, 'exec/containerd/containerd.pid');
    const containerd = Number(await readFile(containerdPidFile, 'utf8').catch(() => 'NaN'));
    const ended = once(child, 'exit');
    process.kill(this.pid, signal);
    await ended;
    // Its containerd dies with it, a moment later. A new dockerd that still sees it would wait for it, in vain.
    while (existsSync(`/proc/${containerd}`)) await sleep(10);
    await rm(containerdPidFile, { force: true });
  }
}

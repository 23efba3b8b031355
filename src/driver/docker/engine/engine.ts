/**
 * Owns the Engine API client: the only user of dockerode. Every call has a time limit and rejects with `DriverError`; the
 * purpose of the calls is the driver's.
 */
import { Agent } from 'node:http';
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import Dockerode from 'dockerode';
import { withinLimit } from './call-limit.js';
import { DriverError } from '../../driver.js';
import { statusOf, toDriverError } from './docker-error.js';
import type { DockerAddress } from '../docker-host.js';

/** Milliseconds the calls may take. A create or start under load took up to 2 s here; 15 times that is a stuck daemon. */
export const callLimits = { ping: 2_000, query: 10_000, change: 30_000, image: 600_000 };

/** The Engine API's own shapes, for the driver folder only. */
export type ContainerCreateOptions = Dockerode.ContainerCreateOptions;
export type HostConfig = Dockerode.HostConfig & { CgroupnsMode?: string };

/** Who asks a registry: a name and password, or a token. */
export interface RegistryLogin {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress: string;
}

/** The figures of a container that are read here; a container that does not run has none. */
export interface ContainerStats {
  memory_stats?: { usage?: number; stats?: { total_inactive_file?: number; inactive_file?: number } };
  cpu_stats?: { cpu_usage?: { total_usage?: number } };
}

/** The part of the daemon's description of itself that is read here. */
export interface EngineInfo {
  OSType?: string;
  CgroupDriver?: string;
  DockerRootDir?: string;
  InitBinary?: string;
  InitCommit?: { ID?: string };
  Runtimes?: Record<string, unknown>;
  SecurityOptions?: string[];
}

/**
 * docker-modem follows redirects, and the errors of the requests it makes for that reach nobody: they would end the process.
 * The daemon redirects nothing, so the first redirect is an error.
 */
const { resolve } = createRequire(import.meta.url);
const modemHttp = createRequire(resolve('dockerode'))('docker-modem/lib/http.js') as { maxRedirects: number };
modemHttp.maxRedirects = 0;

/**
 * docker-modem formats every request's options for its debug log in full depth, also when nobody reads the log: the options
 * hold the agent, the agent every socket, and a socket refers to much else. Under load that was half of the server's CPU, and stopped it for seconds.
 */
class OpaqueAgent extends Agent {
  [inspect.custom](): string {
    return 'Agent';
  }
}

/** The connection to one daemon. */
export class Engine {
  readonly #docker: Dockerode;
  readonly #agent: Agent;
  #closed = false;

  constructor(address: DockerAddress) {
    // Node's default agent drops idle sockets after 5 s; the daemon keeps them, and connecting costs 0.2 ms per call.
    this.#agent = new OpaqueAgent({ keepAlive: true, maxFreeSockets: 4 });
    // Everything docker-modem would otherwise take from the environment is named, because undefined keys count there too.
    this.#docker = new Dockerode({
      socketPath: 'socketPath' in address ? address.socketPath : undefined,
      host: 'host' in address ? address.host : undefined,
      port: 'port' in address ? address.port : undefined,
      protocol: 'http',
      timeout: undefined,
      pathPrefix: '/',
      agent: this.#agent,
    } as Dockerode.DockerOptions);
  }

  /** Resolves when the daemon answers. */
  ping(limitMs = callLimits.ping): Promise<void> {
    return this.#again('answer', limitMs, (docker, abortSignal) =>
      promised(docker.ping({ abortSignal } as never)),
    );
  }

  /** Whatever answers may be no Docker daemon: the caller looks. */
  info(): Promise<EngineInfo> {
    return this.#again('describe itself', callLimits.query, (docker) => docker.info() as Promise<EngineInfo>);
  }

  /** @returns the newest API version the daemon speaks, e.g. `1.41`; something else when it is no Docker daemon */
  async apiVersion(): Promise<string> {
    const version = await this.#again('describe itself', callLimits.query, (docker) => docker.version());
    return String((version as { ApiVersion?: unknown } | null)?.ApiVersion);
  }

  /** @returns the container's id */
  async createContainer(options: Dockerode.ContainerCreateOptions): Promise<string> {
    const container = await this.#call('create a container', callLimits.change, (docker, abortSignal) =>
      docker.createContainer({ ...options, abortSignal }),
    );
    return container.id;
  }

  async startContainer(id: string): Promise<void> {
    await this.#call('start a container', callLimits.change, (docker, abortSignal) =>
      docker.getContainer(id).start({ abortSignal }),
    );
  }

  /** Kills, removes, volumes too. Gone already, or being removed by somebody else, is success. */
  async removeContainer(id: string): Promise<void> {
    try {
      await this.#again('remove a container', callLimits.change, (docker, abortSignal) =>
        docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
      );
    } catch (error) {
      const underWay = statusOf(error) === 409 && /already in progress/.test((error as Error).message);
      if (statusOf(error) !== 404 && !underWay) throw error;
    }
  }

  /** SIGKILL. Gone or ended already is success. */
  async killContainer(id: string): Promise<void> {
    try {
      await this.#again('kill a container', callLimits.change, (docker, abortSignal) =>
        docker.getContainer(id).kill({ signal: 'KILL', abortSignal }),
      );
    } catch (error) {
      if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
    }
  }

  inspectContainer(id: string): Promise<Dockerode.ContainerInspectInfo> {
    return this.#again('inspect a container', callLimits.query, (docker, abortSignal) =>
      docker.getContainer(id).inspect({ abortSignal }),
    );
  }

  /** Every container, in any state, that carries the label. */
  listContainers(label: string): Promise<Dockerode.ContainerInfo[]> {
    return this.#again('list containers', callLimits.query, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters: { label: [label] }, abortSignal }),
    );
  }

  /** One sample; without `one-shot` the daemon would take two, a second apart. Takes up to a second even so. */
  containerStats(id: string): Promise<ContainerStats> {
    return this.#again('measure a container', callLimits.query, (docker, abortSignal) =>
      promised(docker.getContainer(id).stats({ stream: false, 'one-shot': true, abortSignal } as never)),
    );
  }

  /** What the container wrote so far, in the multiplexed form. */
  containerLogs(id: string): Promise<Buffer> {
    return this.#again('read the output of a container', callLimits.query, (docker, abortSignal) =>
      docker.getContainer(id).logs({ follow: false, stdout: true, stderr: true, abortSignal }),
    );
  }

  /** An endless stream of JSON lines; the caller destroys it. */
  events(filters: Record<string, string[]>): Promise<NodeJS.ReadableStream & { destroy(): void }> {
    return this.#call('report events', callLimits.query, (docker, abortSignal) =>
      promised(docker.getEvents({ filters, abortSignal } as never)),
    );
  }

  inspectImage(reference: string): Promise<Dockerode.ImageInspectInfo> {
    return this.#again('inspect an image', callLimits.query, (docker, abortSignal) =>
      promised(docker.getImage(reference).inspect({ abortSignal } as never)),
    );
  }

  /** Stream of JSON lines; an error may be a line of it. */
  importImage(
    tar: NodeJS.ReadableStream,
    options: { repo: string; tag: string; changes: string[] },
  ): Promise<NodeJS.ReadableStream> {
    return this.#call('import an image', callLimits.image, (docker, abortSignal) =>
      promised(docker.importImage(tar, { ...options, abortSignal } as never)),
    );
  }

  /**
   * Stream of JSON lines; an error may be a line of it.
   * @param authconfig what the registry is told of who asks
   */
  pullImage(reference: string, authconfig?: RegistryLogin): Promise<NodeJS.ReadableStream> {
    return this.#call('pull an image', callLimits.image, (docker, abortSignal) =>
      docker.pull(reference, { abortSignal, ...(authconfig && { authconfig }) }),
    );
  }

  inspectNetwork(name: string): Promise<Dockerode.NetworkInspectInfo> {
    return this.#again('inspect a network', callLimits.query, (docker, abortSignal) =>
      promised(docker.getNetwork(name).inspect({ abortSignal } as never)),
    );
  }

  async createNetwork(options: Dockerode.NetworkCreateOptions): Promise<void> {
    await this.#call('create a network', callLimits.change, (docker, abortSignal) =>
      docker.createNetwork({ ...options, abortSignal }),
    );
  }

  async removeNetwork(name: string): Promise<void> {
    await this.#again('remove a network', callLimits.change, (docker, abortSignal) =>
      promised(docker.getNetwork(name).remove({ abortSignal } as never)),
    );
  }

  /** Cuts every connection, idle or not; calls under way reject. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }

  /** For calls that may be made twice: a connection that was kept open may be from before a restart of the daemon. */
  async #again<T>(
    what: string,
    limitMs: number,
    operation: (docker: Dockerode, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#call(what, limitMs, operation);
    } catch (error) {
      const code =
        error instanceof DriverError ? (error.cause as { code?: string } | undefined)?.code : undefined;
      if (this.#closed || (code !== 'ECONNRESET' && code !== 'EPIPE')) throw error;
      this.#dropKept();
      return await this.#call(what, limitMs, operation);
    }
  }

  /** The other kept connections are as old as the one that failed. */
  #dropKept(): void {
    for (const sockets of Object.values(this.#agent.freeSockets))
      for (const socket of sockets ?? []) socket.destroy();
  }

  #call<T>(
    what: string,
    limitMs: number,
    operation: (docker: Dockerode, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#closed)
      return Promise.reject(new DriverError('unavailable', 'The connection to Docker is closed.'));
    return withinLimit(what, limitMs, (signal) =>
      operation(this.#docker, signal).catch((error: unknown) => {
        throw toDriverError(error, what);
      }),
    );
  }
}

/** dockerode's types know some calls that take options in their callback form only. */
function promised<T>(result: unknown): Promise<T> {
  return result as Promise<T>;
}

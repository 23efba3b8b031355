/** Owns the HTTP servers of a server: that of the API and, if there is one, that for functions, which share the connections. */
import type { Config } from '../config.js';
import { sharedPlaces } from '../http/connections/connection-places.js';
import type { HttpApp } from '../http/http-app.js';
import { createServer, type HttpServer } from '../http/server.js';
import type { Logger } from '../logger.js';

export interface ListenersOptions {
  config: Pick<Config, 'host' | 'port' | 'functions' | 'requestTimeoutMs' | 'maxConnections'>;
  logger: Logger;
}

export class Listeners {
  readonly #options: ListenersOptions;
  readonly #servers: HttpServer[] = [];
  #functionsPort = 0;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** The port of the listener for functions; 0 before it listens, and when there is none. */
  get functionsPort(): number {
    return this.#functionsPort;
  }

  /** Listens with the API last: who reaches it finds the rest there. Rejects with ListenError. @param door that for functions */
  async open(app: HttpApp, door: HttpApp | null): Promise<{ url: string; functionsUrl: string | null }> {
    const { config, logger } = this.#options;
    const { host, port, functions, requestTimeoutMs, maxConnections } = config;
    const places = sharedPlaces(maxConnections);
    const common = { logger, requestTimeoutMs, maxConnections };
    let functionsUrl: string | null = null;
    if (functions !== null && door !== null) {
      const variables = { host: 'GLAMBDAR_FUNCTIONS_HOST', port: 'GLAMBDAR_FUNCTIONS_PORT' };
      const { host, port } = functions;
      const server = createServer(door, { ...common, host, port, variables, places: places.functions });
      const listening = await this.#listen(server);
      functionsUrl = listening.url;
      this.#functionsPort = listening.port;
    }
    const { url } = await this.#listen(createServer(app, { ...common, host, port, places: places.control }));
    return { url, functionsUrl };
  }

  async close(graceMs: number): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close(graceMs)));
  }

  async #listen(server: HttpServer): Promise<{ url: string; port: number }> {
    const listening = await server.listen();
    this.#servers.push(server);
    return listening;
  }
}

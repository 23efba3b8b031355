/** Owns where the daemon is: reads a `DOCKER_HOST` value. TLS and ssh are left out: bind mounts need a daemon on this machine. */
import { DriverError } from '../driver.js';

/** A way to reach the Engine API. */
export type DockerAddress = { socketPath: string } | { host: string; port: number };

const defaultSocketPath = '/var/run/docker.sock';

/**
 * @param dockerHost value of DOCKER_HOST, or null for the default socket
 * @throws DriverError when it is neither `unix://` with an absolute path nor `tcp://host:port`
 */
export function parseDockerHost(dockerHost: string | null): DockerAddress {
  if (dockerHost === null || dockerHost === '') return { socketPath: defaultSocketPath };
  if (dockerHost.startsWith('unix://')) {
    const socketPath = dockerHost.slice('unix://'.length);
    if (socketPath.startsWith('/')) return { socketPath };
  }
  if (dockerHost.startsWith('tcp://') && URL.canParse(dockerHost)) {
    const { hostname, port } = new URL(dockerHost);
    if (hostname !== '') return { host: hostname, port: port === '' ? 2375 : Number(port) };
  }
  throw new DriverError(
    'failed',
    `DOCKER_HOST must be unix:///path/to/docker.sock or tcp://host:port of a daemon on this machine, but is "${dockerHost}".`,
  );
}

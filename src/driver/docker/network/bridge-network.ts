/**
 * Owns the Docker network of containers with network `bridge`: they reach public addresses, but neither this machine, nor
 * private ranges, nor each other. Without its packet filter the network counts as not prepared, so no container uses it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { DriverError } from '../../driver.js';
import { labels } from '../container-options.js';
import { statusOf } from '../engine/docker-error.js';
import type { Engine } from '../engine/engine.js';
import { bridgePrefix, Firewall } from './firewall.js';

export interface BridgeNetworkOptions {
  engine: Engine;
  dirId: string;
  /** IPv4 addresses of name servers; by default those of this machine that a container can reach. */
  resolvers?: string[] | undefined;
  /** The iptables command, with a prefix such as `nsenter …`. */
  iptables?: string[] | undefined;
  /** The network has lost its packet filter: somebody flushed the rules, and they cannot be put back. */
  onUnprotected: (error: unknown) => void;
}

/** Firewall services rebuild their tables when they reload. */
const checkEveryMs = 10_000;

/** The one bridge network of a driver. */
export class BridgeNetwork {
  readonly name: string;
  /** Name servers of the containers in this network; empty: Docker chooses. */
  readonly resolvers: string[];
  readonly #options: BridgeNetworkOptions;
  readonly #bridge: string;
  readonly #firewall: Firewall;
  #prepared = false;
  #preparing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BridgeNetworkOptions) {
    const short = createHash('sha256').update(options.dirId).digest('hex').slice(0, 8);
    this.#options = options;
    this.name = `glambdar-${short}`;
    this.#bridge = `${bridgePrefix}${short}`; // 13 of an interface name's 15 characters
    this.resolvers = options.resolvers ?? reachableResolvers();
    this.#firewall = new Firewall({
      bridge: this.#bridge,
      resolvers: this.resolvers,
      iptables: options.iptables ?? ['iptables'],
    });
  }

  /** Makes network and rules, or checks that they are there. Rejects with `DriverError` and a reason. */
  prepare(): Promise<void> {
    this.#preparing ??= this.#prepare().finally(() => (this.#preparing = undefined));
    return this.#preparing;
  }

  /** @throws DriverError before `prepare` has succeeded, or when the protection was lost */
  assertPrepared(): void {
    if (!this.#prepared)
      throw new DriverError('failed', 'network "bridge" is not prepared or has lost its protection.');
  }

  /** Checks a network that is in use again: the daemon is back, or time has passed. */
  renew(): void {
    if (this.#timer !== undefined)
      this.prepare().catch((error: unknown) => this.#options.onUnprotected(error));
  }

  /** Removes network and rules, also of an earlier run. A network that containers still use stays, with its rules. */
  async remove(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#prepared = false;
    try {
      await this.#options.engine.removeNetwork(this.name);
    } catch (error) {
      if (statusOf(error) === 404) return; // the rules went with the network
      throw error;
    }
    await this.#firewall.remove();
  }

  /** Stops checking. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #prepare(): Promise<void> {
    try {
      // Rules first: iptables accepts the name of an interface that does not exist yet, so the network is never without them.
      await this.#firewall.ensure();
      await this.#ensureNetwork();
    } catch (error) {
      this.#prepared = false;
      throw error;
    }
    this.#prepared = true;
    this.#timer ??= setInterval(() => this.renew(), checkEveryMs);
  }

  async #ensureNetwork(): Promise<void> {
    const { engine, dirId } = this.#options;
    try {
      await engine.inspectNetwork(this.name);
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      await engine.createNetwork({
        Name: this.name,
        Driver: 'bridge',
        CheckDuplicate: true,
        EnableIPv6: false, // the rules are IPv4's
        Labels: { [labels.dir]: dirId },
        Options: {
          'com.docker.network.bridge.name': this.#bridge,
          'com.docker.network.bridge.enable_icc': 'false',
        },
      });
    }
  }
}

/**
 * Docker's resolver forwards from the container's own network namespace, so a name server in a private range needs a hole in
 * the filter. Name servers on this machine's loopback are left to Docker, which asks them from the host's namespace.
 */
function reachableResolvers(): string[] {
  for (const path of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    let text = '';
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      continue;
    }
    const addresses = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] as string);
    const reachable = addresses.filter((address) => isIPv4(address) && !address.startsWith('127.'));
    if (reachable.length > 0) return reachable;
  }
  return [];
}

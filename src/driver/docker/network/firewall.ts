/**
 * Owns the packet filter of one bridge: packets to addresses that its containers must not reach are dropped before Docker's
 * own rules apply. There are two chains of our own, closed while they are filled, each entered by one jump that has to stand
 * first:
 *
 *     INPUT       -i <bridge> -j <chain>-IN    to this machine: name servers only
 *     DOCKER-USER -i <bridge> -j <chain>-OUT   through it: no private range, no neighbour; public addresses pass
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DriverError } from '../../driver.js';

const run = promisify(execFile);

export interface FirewallOptions {
  /** Interface name of the bridge, at most 15 characters. */
  bridge: string;
  /** IPv4 addresses of name servers: their port 53 may be reached wherever they are. */
  resolvers: string[];
  /** The iptables command, with a prefix such as `nsenter …`. */
  iptables: string[];
}

/** Private, shared, local, link-local (with the clouds' metadata services), benchmark, multicast and reserved ranges. */
const closedRanges = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/** The names of all bridges of this program begin so. Jumps of several servers on one machine may stand before each other. */
export const bridgePrefix = 'glam-';

/** Inserts the rules, keeps them, removes them. */
export class Firewall {
  readonly #options: FirewallOptions;
  readonly #chains: { name: string; entry: string; rules: string[] }[];

  constructor(options: FirewallOptions) {
    const { bridge, resolvers } = options;
    this.#options = options;
    const dns = resolvers.flatMap((address) =>
      ['udp', 'tcp'].map((protocol) => `-d ${address}/32 -p ${protocol} -m ${protocol} --dport 53 -j RETURN`),
    );
    this.#chains = [
      { name: `${bridge}-IN`, entry: 'INPUT', rules: [...dns, '-j DROP'] },
      {
        name: `${bridge}-OUT`,
        entry: 'DOCKER-USER',
        rules: [...dns, `-o ${bridge} -j DROP`, ...closedRanges.map((range) => `-d ${range} -j DROP`)],
      },
    ];
  }

  /** Makes the rules complete; changes nothing when they are. Rejects with `DriverError` and a reason. */
  async ensure(): Promise<void> {
    for (const { name, entry, rules } of this.#chains) {
      await this.#fill(name, rules);
      await this.#enter(entry, name);
    }
  }

  /** Removes the rules that are there. */
  async remove(): Promise<void> {
    for (const { name, entry } of this.#chains) {
      const jump = this.#jump(name);
      while (await this.#succeeds('-D', entry, ...jump.split(' ')));
      await this.#succeeds('-F', name);
      await this.#succeeds('-X', name);
    }
  }

  #jump(chain: string): string {
    return `-i ${this.#options.bridge} -j ${chain}`;
  }

  async #fill(chain: string, rules: string[]): Promise<void> {
    const wanted = rules.map((rule) => `-A ${chain} ${rule}`);
    const present = await this.#rules(chain).catch(() => undefined);
    if (present?.join('\n') === wanted.join('\n')) return;
    if (present === undefined) await this.#iptables('-N', chain);
    // The chain drops everything while it is filled.
    await this.#iptables('-I', chain, '1', '-j', 'DROP');
    for (let i = 0; i < (present?.length ?? 0); i += 1) await this.#iptables('-D', chain, '2');
    for (const rule of rules) await this.#iptables('-A', chain, ...rule.split(' '));
    await this.#iptables('-D', chain, '1');
  }

  /** Puts the jump first: a rule of somebody else before the jump might accept the packet. */
  async #enter(entry: string, chain: string): Promise<void> {
    const jump = `-A ${entry} ${this.#jump(chain)}`;
    const rules = await this.#rules(entry);
    const position = rules.indexOf(jump);
    const before = position < 0 ? rules : rules.slice(0, position);
    if (position >= 0 && before.every((rule) => rule.startsWith(`-A ${entry} -i ${bridgePrefix}`))) return;
    await this.#iptables('-I', entry, '1', ...this.#jump(chain).split(' '));
    if (position >= 0) await this.#iptables('-D', entry, String(position + 2));
  }

  /** The rules of a chain as iptables prints them. */
  async #rules(chain: string): Promise<string[]> {
    const lines = (await this.#iptables('-S', chain)).split('\n');
    return lines.map((line) => line.trim()).filter((line) => line.startsWith('-A '));
  }

  async #succeeds(...args: string[]): Promise<boolean> {
    return await this.#iptables(...args).then(
      () => true,
      () => false,
    );
  }

  async #iptables(...args: string[]): Promise<string> {
    const [command = 'iptables', ...before] = this.#options.iptables;
    try {
      // -w waits for the table's lock: other programs use the table too, and iptables fails when it is locked.
      return (await run(command, [...before, '-w', '5', ...args], { timeout: 10_000 })).stdout;
    } catch (error) {
      throw new DriverError('failed', `network "bridge" cannot be protected: ${reasonOf(error, args)}.`, {
        cause: error,
      });
    }
  }
}

function reasonOf(error: unknown, args: string[]): string {
  const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT') return 'there is no iptables command; install iptables';
  if (/permission denied|must be root/i.test(stderr))
    return 'changing the packet filter needs root; run the server as root';
  if (args.includes('DOCKER-USER'))
    return 'Docker has no DOCKER-USER chain; let Docker manage iptables ("iptables": true)';
  return stderr.trim().split('\n')[0] || 'iptables failed';
}

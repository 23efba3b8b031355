import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { ensureNodeImage } from '../../src/driver/docker/image/node-image.js';
import { DriverError } from '../../src/driver/driver.js';
import { Engine } from '../../src/driver/docker/engine/engine.js';
import { integration } from '../helpers/integration.js';
import { PrivateDaemon } from '../helpers/private-daemon.js';
import { ProbeDriver, type Probe } from '../helpers/probe-driver.js';

/*
 * A world of its own, in two network namespaces; nothing of it reaches the machine's network:
 *
 *   containers ── bridge ── daemon's namespace ── veth ── "outside": 198.51.100.2 (public), 10.99.0.53 (private)
 */
const publicAddress = '198.51.100.2';
const privateAddress = '10.99.0.53';
const hostAddress = '198.51.100.1';

/** Answers HTTP on 8080 everywhere and DNS on 53: every name is the public address. */
const outsideSource = `
require('node:http').createServer((_, response) => response.end('reached')).listen(8080, '0.0.0.0', () => console.log('ready'));
const dns = require('node:dgram').createSocket('udp4');
dns.on('message', (query, from) => {
  const end = query.indexOf(0, 12) + 5;
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(0x8180, 2); head.writeUInt16BE(1, 6); head.writeUInt32BE(0, 8);
  const isA = query.readUInt16BE(end - 4) === 1;
  if (!isA) head.writeUInt16BE(0, 6);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 2]);
  dns.send(isA ? Buffer.concat([head, answer]) : head, from.port, from.address);
});
dns.on('error', () => {});
dns.bind(53, '${privateAddress}'); // an answer has to come from the address that was asked
`;

async function listen(t: ExecutionContext, namespaceOf: number): Promise<number> {
  const child = spawn('nsenter', ['-t', String(namespaceOf), '-n', process.execPath, '-e', outsideSource], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill());
  await once(child.stdout, 'data');
  return child.pid as number;
}

async function setUp(
  t: ExecutionContext,
): Promise<{ daemon: PrivateDaemon; probes: ProbeDriver; iptables: string[] }> {
  const engine = new Engine({ socketPath: '/var/run/docker.sock' });
  const { reference } = await ensureNodeImage(engine, { progress: (line) => t.log(line) });
  engine.close();
  const daemon = await PrivateDaemon.start();
  t.teardown(() => daemon.destroy());
  await daemon.load(reference);

  const outside = spawn('unshare', ['-n', 'sh', '-c', 'ip link set lo up; echo ready; exec sleep 600'], {
    stdio: 'pipe',
  });
  t.teardown(() => outside.kill());
  await once(outside.stdout, 'data');
  const here = (...args: string[]): void =>
    void execFileSync('nsenter', ['-t', String(daemon.pid), '-n', 'ip', ...args]);
  const there = (...args: string[]): void =>
    void execFileSync('nsenter', ['-t', String(outside.pid), '-n', 'ip', ...args]);
  here('link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', String(outside.pid));
  here('address', 'add', `${hostAddress}/24`, 'dev', 'near');
  here('link', 'set', 'near', 'up');
  here('route', 'add', '10.99.0.0/24', 'dev', 'near');
  there('address', 'add', `${publicAddress}/24`, 'dev', 'far');
  there('address', 'add', `${privateAddress}/24`, 'dev', 'far');
  there('link', 'set', 'far', 'up');
  await listen(t, outside.pid as number);
  await listen(t, daemon.pid);

  const iptables = ['nsenter', '-t', String(daemon.pid), '-n', 'iptables'];
  const probes = await ProbeDriver.open(t, {
    dockerHost: daemon.host,
    resolvers: [privateAddress],
    iptables,
  });
  return { daemon, probes, iptables };
}

/** "reached", or the error's code. */
async function visit(probe: Probe, url: string): Promise<unknown> {
  const code = `return (await fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(1500) })).text()`;
  return await probe.evaluate(code).catch((error: Error) => error.message);
}

const bridge = { network: 'bridge' as const, memoryMb: 128, cpus: 1 };

integration(
  'network "bridge" reaches public addresses by name, but no host, private range or neighbour',
  async (t) => {
    const { daemon, probes, iptables } = await setUp(t);
    await t.throwsAsync(probes.driver.start(probes.spec(bridge), new AbortController().signal), {
      instanceOf: DriverError,
      message: /not prepared/,
    });
    await Promise.all([probes.driver.prepareNetwork('bridge'), probes.driver.prepareNetwork('bridge')]);
    await probes.driver.prepareNetwork('bridge');
    const spec = probes.spec(bridge);
    const probe = await probes.start(spec);
    const other = await probes.start(probes.spec(bridge));
    const address = `require('os').networkInterfaces().eth0.find((one) => one.family === 'IPv4').address`;
    const neighbour = (await other.evaluate(`
    await new Promise((ok) => require('http').createServer((_, r) => r.end('reached')).listen(8080, '0.0.0.0', ok));
    return ${address}`)) as string;
    const gateway = neighbour.replace(/\d+$/, '1');

    t.is(await visit(probe, `http://${publicAddress}:8080/`), 'reached');
    t.is(
      await visit(probe, 'http://some.example:8080/'),
      'reached',
      'by name, though the name server is private',
    );
    for (const url of [gateway, hostAddress, privateAddress, neighbour, '172.17.0.1'].map(
      (ip) => `http://${ip}:8080/`,
    )) {
      t.not(await visit(probe, url), 'reached', url);
    }
    t.is(
      await probe.evaluate(
        `return require('os').networkInterfaces().eth0.filter((one) => one.family === 'IPv6').length`,
      ),
      0,
    );
    const controlled = execFileSync(
      'nsenter',
      [
        '-t',
        String(daemon.pid),
        '-n',
        process.execPath,
        '-e',
        `fetch('http://${privateAddress}:8080/').then((r) => r.text()).then(console.log)`,
      ],
      { encoding: 'utf8' },
    );
    t.is(controlled.trim(), 'reached', 'the private listener does answer the host');

    // Somebody flushes the filter: put back by the next check.
    const [command = '', ...before] = iptables;
    const filter = (...args: string[]): string =>
      execFileSync(command, [...before, ...args], { encoding: 'utf8' });
    filter('-F', 'INPUT');
    filter('-F', 'DOCKER-USER');
    filter('-I', 'INPUT', '-j', 'ACCEPT');
    t.is(await visit(probe, `http://${gateway}:8080/`), 'reached');
    await probes.driver.prepareNetwork('bridge');
    t.not(await visit(probe, `http://${gateway}:8080/`), 'reached');
    t.not(await visit(probe, `http://${privateAddress}:8080/`), 'reached');
    t.is(await visit(probe, `http://${publicAddress}:8080/`), 'reached');

    await probes.driver.close();
    t.notRegex(filter('-S'), /glam-/);
    t.deepEqual(
      (await daemon.docker.listNetworks()).filter(({ Name }) => Name.startsWith('glambdar-')),
      [],
    );
  },
);

integration('without a way to protect it, network "bridge" is refused with the reason', async (t) => {
  for (const [iptables, reason] of [
    [['no-such-iptables'], /there is no iptables command/],
    [['sh', '-c', 'echo "Permission denied (you must be root)" >&2; exit 4'], /needs root/],
  ] as const) {
    const probes = await ProbeDriver.open(t, { iptables: [...iptables] });
    const error = await t.throwsAsync(probes.driver.prepareNetwork('bridge'), { instanceOf: DriverError });
    t.is(error.kind, 'failed');
    t.regex(error?.message ?? '', reason);
    await t.throwsAsync(probes.driver.start(probes.spec(bridge), new AbortController().signal), {
      message: /not prepared/,
    });
  }
});

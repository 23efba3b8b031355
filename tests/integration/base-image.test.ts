import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { ExecutionContext } from 'ava';
import { ensureNodeImage } from '../../src/driver/docker/image/node-image.js';
import { DriverError } from '../../src/driver/driver.js';
import { Engine } from '../../src/driver/docker/engine/engine.js';
import { RegistryLogins } from '../../src/driver/docker/image/registry-logins.js';
import { ensurePulledImage } from '../../src/driver/docker/image/pulled-image.js';
import { nodeVersion } from '../../src/driver/docker/image/node-package.js';
import { integration } from '../helpers/integration.js';
import { PrivateDaemon } from '../helpers/private-daemon.js';
import { ProbeDriver } from '../helpers/probe-driver.js';

/** An empty daemon, so that images have to be made; and what was said. */
async function setUp(
  t: ExecutionContext,
): Promise<{ daemon: PrivateDaemon; engine: Engine; said: string[]; progress: (line: string) => void }> {
  const daemon = await PrivateDaemon.start();
  t.teardown(() => daemon.destroy());
  const engine = new Engine({ socketPath: daemon.socketPath });
  t.teardown(() => engine.close());
  const said: string[] = [];
  return { daemon, engine, said, progress: (line) => said.push(line) };
}

function leftovers(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('glambdar-image-'));
}

/** npm's registry may be out of reach of a test machine: then the package cannot be tested, and says so. */
async function offline(directory: string): Promise<string> {
  return await Promise.reject(new Error(`no network for ${directory.length} characters`));
}

integration(
  'two processes that build the image at once both get a working one; later it is only found',
  async (t) => {
    const { daemon, engine, said, progress } = await setUp(t);
    const other = new Engine({ socketPath: daemon.socketPath });
    t.teardown(() => other.close());
    const images = await Promise.all([
      ensureNodeImage(engine, { progress }),
      ensureNodeImage(other, { progress }),
    ]);
    t.log(...said);
    t.regex(said.join('\n'), /Built glambdar\/node:\S+ in [\d.]+ s/);
    for (const image of images) {
      t.regex(image.id, /^sha256:/);
      t.deepEqual(image.env, ['PATH=/usr/bin']);
      const options = {
        Image: image.id,
        Entrypoint: ['node', '-p', 'process.version'],
        HostConfig: { NetworkMode: 'none' },
      };
      const container = await daemon.docker.createContainer(options);
      await container.start();
      t.is((await container.wait({ condition: 'not-running' })).StatusCode, 0);
      t.regex(
        String(await container.logs({ stdout: true })),
        new RegExp(`v${nodeVersion}|${process.version}`),
      );
      await container.remove();
    }
    const startedAt = performance.now();
    const silent: string[] = [];
    await ensureNodeImage(engine, { progress: (line) => silent.push(line) });
    t.true(performance.now() - startedAt < 200);
    t.deepEqual(silent, []);
    t.deepEqual(leftovers(), []);
  },
);

integration('without the package, the Node of this server is used, and said', async (t) => {
  const { engine, said, progress, daemon } = await setUp(t);
  const image = await ensureNodeImage(engine, { progress, fetchNode: offline });
  t.regex(said.join('\n'), /is not to be had .*\n.*server's own Node/);
  t.is(image.reference.split('-')[0], `glambdar/node:${process.versions.node}`);
  const again = await ensureNodeImage(engine, { progress, fetchNode: offline });
  t.is(again.id, image.id);
  const probes = await ProbeDriver.open(
    t,
    { dockerHost: daemon.host },
    { type: 'reference', reference: image.reference },
  );
  const probe = await probes.start();
  t.is(await probe.evaluate('return process.version'), process.version);
  t.deepEqual(leftovers(), []);
});

integration('an image that is neither here nor to be pulled is a sentence', async (t) => {
  const logins = new RegistryLogins({ file: null, logger: console });
  const { engine, progress } = await setUp(t);
  // The port is closed and on this machine: nothing leaves it.
  const error = await t.throwsAsync(ensurePulledImage(engine, '127.0.0.1:9/no/such', { progress, logins }), {
    instanceOf: DriverError,
  });
  t.is(error.kind, 'failed');
  t.regex(
    error?.message ?? '',
    /The image "127\.0\.0\.1:9\/no\/such" is not on this machine and cannot be pulled/,
  );
  t.log(error?.message ?? '');
});

integration('an image of the operator loses its environment, its health check and its volumes', async (t) => {
  const { daemon, engine, progress } = await setUp(t);
  const base = await ensureNodeImage(engine, { progress });
  const maker = await daemon.docker.createContainer({ Image: base.id, Cmd: ['node'] });
  const changes =
    'ENV NODE_OPTIONS=--require=/evil.js LD_PRELOAD=/evil.so\nVOLUME /data\nUSER 0\nWORKDIR /data\nHEALTHCHECK --interval=1s CMD node';
  await maker.commit({ repo: 'custom/node', tag: 'latest', changes });
  await maker.remove();
  const probes = await ProbeDriver.open(
    t,
    { dockerHost: daemon.host },
    { type: 'reference', reference: 'custom/node' },
  );
  const spec = probes.spec();
  const probe = await probes.start(spec);
  t.deepEqual(await probe.evaluate('return Object.keys(process.env).sort()'), [
    'GLAMBDAR_SLOT',
    'HOME',
    'HOSTNAME',
    'NODE_ENV',
    'PATH',
    'TMPDIR',
  ]);
  t.is(await probe.evaluate('return process.cwd()'), '/slot');
  t.is(await probe.evaluate('return process.getuid()'), spec.user.uid);
  const mounts = (await probe.evaluate(
    `return require('fs').readFileSync('/proc/self/mounts', 'utf8')`,
  )) as string;
  t.regex(mounts, /^tmpfs \/data tmpfs rw,nosuid,nodev,noexec\S*size=16384k/m);
  const { Mounts, State } = await daemon.docker.getContainer(`glambdar-${spec.id}`).inspect();
  t.false(Mounts.some(({ Type }) => (Type as string) === 'volume'));
  t.is(State.Health, undefined);
});

integration('an image somebody removed is made again by the next start', async (t) => {
  const { daemon } = await setUp(t);
  const probes = await ProbeDriver.open(t, { dockerHost: daemon.host });
  const [image] = await daemon.docker.listImages();
  await daemon.docker.getImage(image?.Id ?? '').remove({ force: true });
  const [one, two] = await Promise.all([probes.start(), probes.start()]);
  t.is(await one.evaluate('return 1'), 1);
  t.is(await two.evaluate('return 2'), 2);
});

/** The server in a container, as Dockerfile and compose.yaml have it: the same paths inside and outside, the machine's own daemon. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { integration } from '../helpers/integration.js';
import { NpmRegistry } from '../helpers/npm-registry.js';
import { buildServerImage, composeArguments } from '../helpers/server-image.js';
import { ServerProcess } from '../helpers/server-process.js';
import { removeTestImages, shellImage } from '../helpers/test-images.js';

const SERVER = 'glambdar-test-images/server:1';
const BASE = 'glambdar-test-images/server-base:1';
const SHELL = 'glambdar-test-images/in-container:1';

/** A program that runs the server's container in place of the command it is given; the data directory becomes a shared mount. */
function makeWrapper(folder: string): string {
  const path = join(folder, 'run');
  const options = composeArguments('"$GLAMBDAR_DIR"').join(' ');
  writeFileSync(
    path,
    `#!/bin/sh
mount --bind "$GLAMBDAR_DIR" "$GLAMBDAR_DIR"
mount --make-shared "$GLAMBDAR_DIR"
docker run --rm --env GLAMBDAR_DIR --env GLAMBDAR_PORT --env GLAMBDAR_UID_BASE --env GLAMBDAR_NPM_REGISTRY --env GLAMBDAR_STANDBY ${options} ${SERVER} &
container=$!
trap 'kill -TERM $container' TERM
wait $container
code=$?
if [ $code -gt 128 ]; then wait $container; code=$?; fi
umount -l "$GLAMBDAR_DIR"
exit $code
`,
  );
  chmodSync(path, 0o755);
  return path;
}

integration(
  'in a container the server runs bundles, installs dependencies, runs images, and leaves nothing behind',
  async (t) => {
    t.timeout(240_000);
    const folder = mkdtempSync(join(tmpdir(), 'glambdar-compose-'));
    t.teardown(() => {
      rmSync(folder, { recursive: true, force: true });
      removeTestImages([SERVER, BASE, SHELL]);
    });
    const registry = await NpmRegistry.start();
    t.teardown(() => registry.close());
    await registry.publish('greeting');
    buildServerImage(SERVER, BASE);
    shellImage(SHELL, 'cp "$CONTEXT_PATH/request.json" "$CONTEXT_PATH/response.json"; echo "it ran"');
    const server = await ServerProcess.start({
      wrapper: [makeWrapper(folder)],
      env: { GLAMBDAR_NPM_REGISTRY: registry.url, GLAMBDAR_UID_BASE: '650000', GLAMBDAR_STANDBY: '1' },
    });
    t.teardown(async () => {
      await server.destroy();
    });

    const files = {
      'package.json': '{"dependencies":{"greeting":"^1"}}',
      'index.js': `exports.handler = async (req) => ({ body: [require('greeting'), (await req.json()).name] });`,
    };
    const deployed = await server.deploy('bundle', files);
    t.is(deployed.status, 201, deployed.text);
    const called = await server.request('/invoke/bundle', { method: 'POST', body: '{"name":"Ada"}' });
    t.deepEqual([called.status, called.text], [200, '["greeting","Ada"]']);

    const body = JSON.stringify({ image: SHELL, name: 'image' });
    const made = await server.request('/v1/functions', { method: 'POST', body });
    t.is(made.status, 201, made.text);
    const route = JSON.stringify({ path: '/image', function_id: made.json.data.id });
    t.is((await server.request('/v1/routes', { method: 'POST', body: route })).status, 200);
    const answered = await server.request('/r/image', { method: 'POST', body: '{"n":1}' });
    t.deepEqual([answered.status, answered.json], [200, { n: 1 }], answered.text);

    // The operator's commands run in the same container.
    const ran = (program: string, ...args: string[]): string =>
      execFileSync(program, args, { encoding: 'utf8', timeout: 60_000 });
    const id = ran('docker', 'ps', '--quiet', `--filter=ancestor=${SERVER}`).trim();
    const inside = ['exec', id, 'npx', 'glambdar'];
    t.regex(ran('docker', ...inside, 'list', '--server', server.url), /^bundle +1 +1 +0 /m);
    const doctor = ran('docker', ...inside, 'doctor', '--server', server.url);
    t.notRegex(doctor, /^✗/m);
    t.regex(doctor, /^✓ socket mounts /m);
    t.regex(ran('docker', ...inside, 'backup', `${server.dir}/tmp/all.backup`), /^2 functions backed up to /);
    rmSync(`${server.dir}/tmp/all.backup`);

    t.is(await server.stop(), 0);
    t.deepEqual(await server.containers(), []);
    t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(server.dir));
  },
);

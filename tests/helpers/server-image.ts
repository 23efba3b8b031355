/**
 * Owns the server's own image for tests: the repository's Dockerfile, on a base image made on this machine (its Node, its npm,
 * the libraries these need, busybox), and the arguments of `docker run` that say what compose.yaml says. Nothing is pulled.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { TEST_IMAGE_LABEL } from './test-images.js';

const root = join(import.meta.dirname, '../..');
const APPLETS = ['sh', 'test', 'env', 'mount', 'umount'];
/** What the Dockerfile's build needs of the repository; with node_modules it fetches nothing. */
const CONTEXT = [
  'Dockerfile',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts',
  'src',
  'worker',
  'node_modules',
];

/** Builds both images. @param reference name of the server's image @param base name of its base image */
export function buildServerImage(reference: string, base: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'glambdar-image-'));
  try {
    makeBase(folder);
    const files = execFileSync('tar', ['-C', folder, '--owner=0', '--group=0', '-c', '.'], {
      maxBuffer: 512 * 2 ** 20,
    });
    execFileSync(
      'docker',
      ['import', `--change=LABEL ${TEST_IMAGE_LABEL}=`, '--change=ENV PATH=/usr/bin:/bin', '-', base],
      {
        input: files,
        stdio: ['pipe', 'ignore', 'pipe'],
      },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const context = execFileSync('tar', ['-C', root, '-c', ...CONTEXT], { maxBuffer: 1024 * 2 ** 20 });
  execFileSync(
    'docker',
    ['build', '--quiet', '--network=none', `--build-arg=BASE=${base}`, `--tag=${reference}`, '-'],
    {
      input: context,
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
    },
  );
}

function makeBase(folder: string): void {
  const put = (from: string, to = from): void => {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    copyFileSync(realpathSync(from), join(folder, to));
  };
  put('/bin/busybox');
  for (const applet of APPLETS) symlinkSync('busybox', join(folder, 'bin', applet));
  put(process.execPath, '/usr/bin/node');
  symlinkSync('/bin/env', join(folder, 'usr/bin/env'));
  const linked = execFileSync('ldd', [realpathSync(process.execPath)], { encoding: 'utf8' });
  for (const [library] of linked.matchAll(/\/\S+/g)) put(library);
  const npm = dirname(dirname(realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim())));
  cpSync(npm, join(folder, 'usr/lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true });
  for (const name of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(folder, 'usr/bin', name));
  mkdirSync(join(folder, 'tmp'));
}

/** The part of compose.yaml that the server needs of its container. */
interface Service {
  network_mode: string;
  pid: string;
  cgroup: string;
  environment: Record<string, string>;
  volumes: (string | { source: string; target: string; bind?: { propagation?: string } })[];
  cap_add: string[];
  security_opt: string[];
}

/** Everything between `docker run` and the image, as compose.yaml has it, with another data directory. */
export function composeArguments(dir: string): string[] {
  const text = readFileSync(join(root, 'compose.yaml'), 'utf8');
  const { services } = parse(text) as { services: { glambdar: Service } };
  const { glambdar: service } = services;
  const own = service.environment['GLAMBDAR_DIR'] ?? '';
  const mounts = service.volumes.map((volume) => {
    if (typeof volume === 'string') return `--volume=${volume}`;
    const place = (path: string): string => (path === own ? dir : path);
    const propagation = volume.bind?.propagation ? `,bind-propagation=${volume.bind.propagation}` : '';
    return `--mount=type=bind,source=${place(volume.source)},target=${place(volume.target)}${propagation}`;
  });
  return [
    `--network=${service.network_mode}`,
    `--pid=${service.pid}`,
    `--cgroupns=${service.cgroup}`,
    ...mounts,
    ...service.cap_add.map((name) => `--cap-add=${name}`),
    ...service.security_opt.map((option) => `--security-opt=${option.replace(':', '=')}`),
  ];
}

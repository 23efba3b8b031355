/**
 * Owns images for tests, made on this machine from nothing: a program of busybox (Debian's busybox-static) or of the base
 * image's Node. Nothing is pulled.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  copyFileSync,
  chmodSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * The label of every image that tests make, and of the stages of their builds, which inherit it from their base. By the label
 * images are found that have lost their name.
 */
export const TEST_IMAGE_LABEL = 'glambdar.test-image';

const BUSYBOX = '/bin/busybox';
const APPLETS = [
  'sh',
  'cat',
  'cp',
  'dd',
  'env',
  'id',
  'ln',
  'ls',
  'mkdir',
  'mkfifo',
  'rm',
  'sleep',
  'touch',
  'truncate',
  'wc',
  'mount',
  'nohup',
  'seq',
  'head',
  'tr',
  'kill',
  'chmod',
  'sha256sum',
  'date',
  'grep',
  'find',
  'awk',
  'sed',
  'echo',
  'stat',
];

/** Instructions for `docker import --change`. */
export interface ImageOptions {
  /** e.g. `VOLUME /data`, `HEALTHCHECK …`. The entry point is given by the program. */
  changes?: string[];
  /** Further files, by absolute path. */
  files?: Record<string, string>;
}

/** Makes an image whose entry point is this shell script. @param reference name and tag */
export function shellImage(
  reference: string,
  script: string,
  { changes = [], files = {} }: ImageOptions = {},
): void {
  const args = [
    `LABEL ${TEST_IMAGE_LABEL}=`,
    'ENV PATH=/bin',
    'ENTRYPOINT ["/entrypoint"]',
    ...changes,
  ].flatMap((change) => ['--change', change]);
  execFileSync('docker', ['import', ...args, '-', reference], {
    input: shellTar(script, files),
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}

/** The files of such an image: the script is `/entrypoint`, its programs are in `/bin`. */
export function shellTar(script: string, files: Record<string, string> = {}): Buffer {
  const busybox = [BUSYBOX, '/usr/bin/busybox'].find((path) => existsSync(path));
  if (busybox === undefined) throw new Error('busybox is missing: apt-get install busybox-static');
  const root = mkdtempSync(join(tmpdir(), 'glambdar-image-'));
  try {
    for (const folder of ['bin', 'tmp']) mkdirSync(join(root, folder));
    copyFileSync(busybox, join(root, 'bin/busybox'));
    for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet));
    for (const [path, content] of Object.entries({ ...files, '/entrypoint': `#!/bin/sh\n${script}\n` })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
      chmodSync(join(root, path), 0o755);
    }
    return execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '-c', '.'], {
      maxBuffer: 64 * 2 ** 20,
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Makes an image whose entry point is this CommonJS program, on the base image with Node. */
export function nodeImage(reference: string, program: string, changes: string[] = []): void {
  // By its name: images that are made from the base image inherit its label.
  const base = execFileSync('docker', ['images', '--quiet', 'glambdar/node'], { encoding: 'utf8' });
  const [image] = base.split('\n');
  if (image === undefined || image === '') throw new Error('the base image is missing; start a server once');
  const lines = [`FROM ${image}`, 'COPY main.cjs /main.cjs', 'ENTRYPOINT ["node", "/main.cjs"]', ...changes];
  const root = mkdtempSync(join(tmpdir(), 'glambdar-image-'));
  try {
    writeFileSync(join(root, 'main.cjs'), program);
    writeFileSync(join(root, 'Dockerfile'), `${lines.join('\n')}\n`);
    execFileSync('docker', ['build', '--quiet', `--label=${TEST_IMAGE_LABEL}=`, '--tag', reference, root], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Removes images by name; missing ones are ignored. */
export function removeImages(references: string[]): void {
  for (const reference of references) spawnSync('docker', ['rmi', '--force', reference], { stdio: 'ignore' });
}

/** Images of tests that came from a registry of a test. Its port was a random one, so nothing else ever takes their names. */
function pulledFromTests(): string[] {
  const filters = [`--filter=label=${TEST_IMAGE_LABEL}`, '--filter=reference=127.0.0.1:*/*/*'];
  const { stdout } = spawnSync('docker', ['images', ...filters, '--format={{.Repository}}:{{.Tag}}'], {
    encoding: 'utf8',
  });
  return stdout.split('\n').filter((name) => name !== '' && !name.endsWith(':<none>'));
}

/**
 * Removes a test file's images when it ends, and with them all images of tests that have no name: stages of builds, those whose name
 * a newer image has, and what a run that was killed has left. A function that still runs such an image loses it.
 */
export function removeTestImages(references: string[]): void {
  removeImages([...references, ...pulledFromTests()]);
  spawnSync('docker', ['image', 'prune', '--force', `--filter=label=${TEST_IMAGE_LABEL}`], {
    stdio: 'ignore',
  });
}

/**
 * Owns what is in the image with Node: a Node binary, the shared libraries it needs, and the few files a C library looks
 * for; no shell, no package manager. The tar stream is the same for the same files (no times, fixed order), so that building
 * the image twice yields one layer.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { rootCertificates } from 'node:tls';
import { promisify } from 'node:util';
import { pack } from 'tar-stream';

const run = promisify(execFile);
const epoch = new Date(0);

/**
 * Libraries beside those of the Node binary, each taken where this machine has it. Sizes are Debian 12's, 8.0 MB together.
 *
 * A prebuilt addon names the libraries of the machine that it was built on, and does not load where one of them is missing.
 * Of 49 addons in 20 popular packages 12 name librt, 14 libdl and 21 libpthread, which are empty shells since glibc 2.34 but
 * have to be there.
 */
const companions = [
  // The C library loads name service and resolver by name at run time, thus ldd does not list them.
  ...['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'],
  // The other parts of glibc: 1.3 MB, of it libmvec 1.0 MB.
  ...['libBrokenLocale.so.1', 'libanl.so.1', 'libdl.so.2', 'libm.so.6', 'libmvec.so.1', 'libnsl.so.1'],
  ...['libpthread.so.0', 'librt.so.1', 'libutil.so.1'],
  // The run-time libraries of compilers, beside libgcc_s and libstdc++ which Node itself needs: 0.3 MB.
  ...['libatomic.so.1', 'libgcc_s.so.1', 'libgomp.so.1', 'libstdc++.so.6'],
  // Libraries that drivers and engines expect of any machine (Prisma and libpq: OpenSSL): 5.8 MB.
  ...['libcrypt.so.1', 'libz.so.1', 'libcrypto.so.3', 'libssl.so.3'],
];

/** Where distributions keep the CA bundle; Debian, Fedora, SUSE. */
const caBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/ca-bundle.pem',
];

const caBundleInImage = 'etc/ssl/certs/ca-certificates.crt';

const directories: [path: string, mode: number][] = [
  ['etc', 0o755],
  ['etc/ssl', 0o755],
  ['etc/ssl/certs', 0o755],
  ['slot', 0o755],
  ['tmp', 0o1777],
  ['usr', 0o755],
  ['usr/bin', 0o755],
  ['worker', 0o755],
];

/**
 * Whoever mounts something at /slot puts an entry for the container's user there: programs ask for the name of their uid. A
 * link costs a start nothing, a mount at /etc/passwd 4 ms.
 */
const links: Record<string, string> = { 'etc/passwd': '/slot/passwd' };

const texts: Record<string, string> = {
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

/** A tar stream of the root directory around the given Node binary. Errors while reading destroy the stream. */
export async function imageTree(nodeBinary: string): Promise<Readable> {
  const files = new Map<string, { from: string; mode: number }>([
    ['usr/bin/node', { from: nodeBinary, mode: 0o755 }],
  ]);
  for (const [target, from] of await libraries(nodeBinary)) files.set(target, { from, mode: 0o755 });
  const caBundle = caBundles.find((path) => existsSync(path));
  if (caBundle !== undefined) files.set(caBundleInImage, { from: caBundle, mode: 0o644 });

  const tar = pack();
  const write = async (): Promise<void> => {
    for (const [name, mode] of directories)
      tar.entry({ name: `${name}/`, type: 'directory', mode, mtime: epoch });
    for (const [name, linkname] of Object.entries(links))
      tar.entry({ name, linkname, type: 'symlink', mtime: epoch });
    // Programs are told to read the bundle, so it is there also where this machine has none: with the list of this Node.
    if (caBundle === undefined)
      tar.entry({ name: caBundleInImage, mode: 0o644, mtime: epoch }, `${rootCertificates.join('\n')}\n`);
    for (const [name, text] of Object.entries(texts)) tar.entry({ name, mode: 0o644, mtime: epoch }, text);
    for (const [name, { from, mode }] of files) {
      // readFile follows links, so the image gets the file itself; the largest is Node with 127 MB.
      const content = await readFile(from);
      await new Promise<void>((resolve, reject) => {
        tar.entry({ name, mode, mtime: epoch }, content, (error) => (error ? reject(error) : resolve()));
      });
    }
    tar.finalize();
  };
  write().catch((error: unknown) => tar.destroy(error as Error));
  return tar as unknown as Readable;
}

/**
 * Path in the image → path on this machine. The loader keeps its path, which is written into the binary. The other libraries
 * go beside the C library, where the loader finds them without a cache.
 */
async function libraries(binary: string): Promise<Map<string, string>> {
  const { stdout } = await run('ldd', [binary]);
  const found = parseLdd(stdout);
  const libc =
    found.find((path) => /^libc\.(so|musl)/.test(basename(path))) ?? found.find((path) => isLoader(path));
  if (libc === undefined) throw new Error('ldd names no C library for the Node binary');
  const home = dirname(libc);
  for (const name of companions) found.push(...(await companion(name, home)));
  return new Map(
    found
      .map((path) => [(isLoader(path) ? path : join(home, basename(path))).slice(1), path] as const)
      .sort(),
  );
}

/**
 * The library with all that it needs; nothing when this machine lacks any of it.
 * @param home directory of the C library; other libraries may be in the same place below /usr
 */
async function companion(name: string, home: string): Promise<string[]> {
  const path = [join(home, name), join('/usr', home, name)].find((candidate) => existsSync(candidate));
  if (path === undefined) return [];
  try {
    return [path, ...parseLdd((await run('ldd', [path])).stdout)];
  } catch {
    return [];
  }
}

/** Paths in lines `name => /path (0x…)` and `/path (0x…)`; the kernel's vdso has no path. Throws when a library is not found. */
export function parseLdd(text: string): string[] {
  const missing = /^\s*(\S+) => not found/m.exec(text);
  if (missing) throw new Error(`this machine lacks the library ${missing[1]}, which the Node binary needs`);
  const paths = [...text.matchAll(/(?:=>\s*|^\s*)(\/\S+) \(0x/gm)].map((match) => match[1] as string);
  return [...new Set(paths)];
}

function isLoader(path: string): boolean {
  return basename(path).startsWith('ld-');
}

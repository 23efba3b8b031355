/**
 * Owns deciding what is to be installed for a bundle: whether anything is missing, from which lockfile, and under which key
 * the tree is kept. Nothing is fetched here; whatever would come from elsewhere than the registry is refused.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_MANIFEST_BYTES } from '../../model/manifest-size.js';
import { parseLockfile, type Lockfile } from './lockfile.js';
import type { PackageInstaller } from './package-installer.js';
import { checkManifest, manifestForNpm, missingPackages, parseManifest } from './package-manifest.js';
import { refused } from './specifiers.js';

export interface InstallPlan {
  /** 64 hex digits: equal only for installs whose trees may stand for each other. */
  key: string;
  /** For npm, as `package.json` and `package-lock.json`. */
  manifest: string;
  lockfile: string | null;
  /** Sentences for the caller, e.g. which lockfile is not used. */
  notes: string[];
}

export interface PlanOptions {
  /** The staged code. */
  treeDir: string;
  /** Whose deploy it is. */
  namespace: string;
  installScripts: boolean;
  installer: Pick<PackageInstaller, 'registry' | 'environment'>;
}

/** Raised when the meaning of a key changes: trees of other formats are no longer found. */
const KEY_FORMAT = 1;
const MAX_LOCKFILE_BYTES = 16 * 2 ** 20;
/** npm prefers the first. */
const LOCKFILES = ['npm-shrinkwrap.json', 'package-lock.json'];
const FOREIGN_LOCKFILES = ['yarn.lock', 'pnpm-lock.yaml', 'bun.lock', 'bun.lockb'];

/** Undefined when the code has all that it needs. Rejects with INSTALL_FAILED, INSTALL_UNAVAILABLE. */
export async function planInstall(options: PlanOptions): Promise<InstallPlan | undefined> {
  const { treeDir, installer } = options;
  const text = readText(treeDir, 'package.json', MAX_MANIFEST_BYTES);
  const manifest = text === undefined ? undefined : parseManifest(text);
  if (manifest === undefined) return undefined;
  const missing = missingPackages(manifest, treeDir);
  if (missing.length === 0) return undefined;
  checkManifest(manifest);
  const registry = await installer.registry();
  const notes: string[] = [];
  const lockfile = readLockfile(treeDir, (name, content) => parseLockfile(content, name, registry));
  if (lockfile === undefined) {
    const foreign = FOREIGN_LOCKFILES.find(
      (name) => readText(treeDir, name, MAX_LOCKFILE_BYTES) !== undefined,
    );
    notes.push(
      foreign === undefined
        ? 'There is no package-lock.json: the newest versions that package.json allows are installed.'
        : `${foreign} is not read: the newest versions that package.json allows are installed. Bring a package-lock.json to fix them.`,
    );
  } else if (!lockfile.hasIntegrity) {
    notes.push(
      'The lockfile has no checksum for some packages, so what is installed is not shared with other namespaces.',
    );
  }
  const forNpm = manifestForNpm(manifest);
  const key = keyOf(options, forNpm, lockfile, registry.url.href);
  return { key, manifest: forNpm, lockfile: lockfile?.text ?? null, notes };
}

/**
 * A tree is the same for everybody only if checksums fix all of it and no foreign program had a hand in it. Any other tree
 * depends on what the registry, or a script, answered at one time, and belongs to the namespace that installed it.
 */
function keyOf(
  { namespace, installScripts, installer }: PlanOptions,
  manifest: string,
  lockfile: Lockfile | undefined,
  registry: string,
): string {
  const isShared = lockfile?.hasIntegrity === true && !installScripts;
  const parts = {
    format: KEY_FORMAT,
    environment: installer.environment(),
    manifest,
    lockfile: lockfile?.text ?? null,
    installScripts,
    ...(isShared ? {} : { namespace, registry }),
  };
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function readLockfile(
  treeDir: string,
  parse: (name: string, content: string) => Lockfile,
): Lockfile | undefined {
  for (const name of LOCKFILES) {
    const content = readText(treeDir, name, MAX_LOCKFILE_BYTES);
    if (content !== undefined) return parse(name, content);
  }
  return undefined;
}

/** Undefined when there is no such file. Throws INSTALL_FAILED when it is too long. */
function readText(treeDir: string, name: string, maxBytes: number): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(
      join(treeDir, name),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return undefined;
    if (stats.size > maxBytes)
      throw refused(`${name} has ${stats.size} bytes; ${maxBytes} are allowed. Shorten it.`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

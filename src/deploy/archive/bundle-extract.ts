/**
 * Owns unpacking one archive of any format in the calling thread, which is blocked meanwhile (0.8 s for 300 MB in one file).
 * `bundle-thread.ts` gives this work a thread of its own; `bundle.ts` owns the life of the target directory.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { resolve } from 'node:path';
import { faultPoint } from '../../faults.js';
import { MAX_MANIFEST_BYTES } from '../../model/manifest-size.js';
import { makeDirectory } from '../../registry/tree.js';
import { digestManifest, type ManifestFile } from '../../registry/tree-digest.js';
import { readConfig } from './bundle-config.js';
import { ADDON_HEAD_BYTES, bundleHints } from './bundle-hints.js';
import { planBundle } from './bundle-plan.js';
import { checkEntries } from './entry-rules.js';
import { fsyncAll } from './fsync-all.js';
import type { BundleDescription } from './packaging/bundle-description.js';
import { PACKAGINGS, type PackagingName } from './packaging/packaging.js';
import { SOURCE_READERS } from './readers/source-readers.js';
import { archiveTooLarge, invalidEntry } from './refusals.js';
import type { SourceLimits, SourceReader } from './source-files.js';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;

export interface BundleJob {
  /**
   * An archive on disk: a format of the table `SOURCE_READERS`, an absolute path, and what the archive holds beside the code
   * (default: nothing).
   */
  source: { format: string; path: string; packaging?: PackagingName | undefined };
  /** Absolute path of an existing, empty directory. */
  targetDir: string;
  limits: SourceLimits & { maxArchiveBytes: number };
}

export interface ExtractedBundle {
  /** `sha256:` + hex, as `digestTree` computes it. */
  digest: string;
  /** Sum of the written files' sizes. */
  sizeBytes: number;
  /** How many files were written. */
  entries: number;
  /** The written files in the order of their paths; the digest is over them. */
  manifest: ManifestFile[];
  /** The parsed `glambdar.json` at the root: an object with unchecked keys; undefined when there is none. */
  config: unknown;
  /** What the archive says about itself in its family's own file. */
  description: BundleDescription;
  /** The folder that all of the archive lay in, e.g. `app`; null when there was none, or the bundle has an `app` itself. */
  strippedFolder: string | null;
  /** Sentences for the author; see `bundle-hints.ts`. */
  hints: string[];
}

/**
 * Extracts into `targetDir`; a failure leaves partial content there. Throws GlambdarError BUNDLE_TOO_LARGE, INVALID_BUNDLE,
 * and the file system's errors.
 *
 * 1. read the archive   2. check every entry   3. plan   4. read glambdar.json   5. write   6. fsync   7. digest
 *
 * @param readers readers by format
 */
export async function extractHere(
  { source, targetDir, limits }: BundleJob,
  readers: Readonly<Record<string, SourceReader>> = SOURCE_READERS,
): Promise<ExtractedBundle> {
  const read = readers[source.format];
  if (read === undefined) throw new Error(`there is no reader for archives of the format ${source.format}`);
  const files = read(readArchive(source.path, limits.maxArchiveBytes), limits);
  checkEntries(files.entries, limits);
  const packaging = PACKAGINGS[source.packaging ?? 'glambdar'];
  const plan = planBundle(files.entries, packaging.leftOut);
  const config = readConfig(plan.files, files);
  const description = packaging.describe(plan.files, files);

  faultPoint('bundle.checked');
  for (const directory of plan.directories) makeDirectory(inside(targetDir, directory));
  let sizeBytes = 0;
  let packageJson: string | undefined;
  const addonHeads = new Map<string, Buffer>();
  const manifest = plan.files.map(({ path, executable, entry }) => {
    const content = files.read(entry);
    sizeBytes += content.length;
    if (path === 'package.json' && content.length <= MAX_MANIFEST_BYTES)
      packageJson = content.toString('utf8');
    if (path.endsWith('.node')) addonHeads.set(path, Buffer.from(content.subarray(0, ADDON_HEAD_BYTES)));
    writeFile(inside(targetDir, path), content, executable);
    faultPoint('bundle.half');
    return { path, executable, sha256: createHash('sha256').update(content).digest('hex') };
  });

  manifest.sort((a, b) => (a.path < b.path ? -1 : 1));

  faultPoint('bundle.written');
  // Files first, then the directories that name them, deepest first, so that no durable name lacks its content.
  await fsyncAll(plan.files.map(({ path }) => inside(targetDir, path)));
  await fsyncAll(plan.directories.toReversed().map((directory) => inside(targetDir, directory)));
  await fsyncAll([targetDir]);
  const { strippedFolder } = plan;
  const entries = manifest.length;
  const sized = plan.files.map(({ path, entry }) => ({ path, sizeBytes: entry.size }));
  const hints = bundleHints({ files: sized, packageJson, addonHeads });
  return {
    digest: digestManifest(manifest),
    sizeBytes,
    entries,
    manifest,
    config,
    description,
    strippedFolder,
    hints,
  };
}

function readArchive(path: string, maxArchiveBytes: number): Buffer {
  const fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW);
  try {
    const { size } = fs.fstatSync(fd);
    if (size > maxArchiveBytes) throw archiveTooLarge(size, maxArchiveBytes);
    return fs.readFileSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** The absolute path in the target. Throws for a path that leaves the target, as the last defence behind the rules for names. */
function inside(targetDir: string, path: string): string {
  const absolute = resolve(targetDir, path);
  if (!absolute.startsWith(`${targetDir}/`)) {
    throw invalidEntry(path, 'lies outside the archive. Make the archive again.');
  }
  return absolute;
}

function writeFile(path: string, content: Buffer, executable: boolean): void {
  const fd = fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    for (let written = 0; written < content.length;) written += fs.writeSync(fd, content, written);
    fs.fchmodSync(fd, executable ? 0o755 : 0o644);
  } finally {
    fs.closeSync(fd);
  }
}

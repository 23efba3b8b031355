/**
 * Owns unpacking one archive in the calling thread, which it blocks: adm-zip works in whole buffers and without pause
 * (2.6 s for 300 MB). `bundle-thread.ts` gives it a thread; `bundle.ts` owns the target directory's life.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { resolve } from 'node:path';
import AdmZip from 'adm-zip';
import { GlambdarError } from '../../errors.js';
import { faultPoint } from '../../faults.js';
import { parseConfig, planBundle, type PlannedFile } from './bundle-plan.js';
import { fsyncAll } from './fsync-all.js';
import { makeDirectory } from '../../registry/tree.js';
import { digestManifest } from '../../registry/tree-digest.js';
import { readZipDirectory, unpackedTooLarge, type ZipEntry, type ZipLimits } from './zip-directory.js';
import { invalidEntry } from './zip-names.js';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;

/**
 * The names as adm-zip is to see them: without folders. It would list each one's, which takes 60 s for 19,000 entries 240
 * folders deep. A NUL stands in no valid name, so different names stay different.
 */
const FLAT_NAMES: AdmZip.ZipTextDecoder = {
  efs: true,
  encode: (text) => Buffer.from(text),
  decode: (raw) => Buffer.from(raw).toString().replaceAll('/', '\0'),
};

export interface BundleJob {
  zipPath: string;
  /** Exists and is empty. */
  targetDir: string;
  limits: ZipLimits & { maxZipBytes: number };
}

export interface ExtractedBundle {
  /** `sha256:` + hex, as `digestTree` computes it. */
  digest: string;
  /** Sum of the written files' sizes. */
  sizeBytes: number;
  /** How many files were written. */
  entries: number;
  /** The parsed `glambdar.json` at the root: an object with unchecked keys; undefined when there is none. */
  config: unknown;
}

/**
 * Extracts into `targetDir`, which after a failure is left as it is then. Throws GlambdarError BUNDLE_TOO_LARGE, INVALID_BUNDLE,
 * and the file system's errors.
 *
 * 1. read the archive and validate all of its directory   2. plan   3. read glambdar.json   4. write   5. fsync   6. digest
 */
export async function extractHere({ zipPath, targetDir, limits }: BundleJob): Promise<ExtractedBundle> {
  const zip = readArchive(zipPath, limits.maxZipBytes);
  const entries = readZipDirectory(zip, limits);
  const plan = planBundle(entries);
  const inflate = createInflate(zip, entries);
  const config = plan.config && parseConfig(inflate(plan.config.entry));

  faultPoint('bundle.checked');
  for (const directory of plan.directories) makeDirectory(inside(targetDir, directory));
  let sizeBytes = 0;
  const manifest = plan.files.map((file) => {
    const content = inflate(file.entry);
    sizeBytes += content.length;
    if (sizeBytes > limits.maxUnpackedBytes) throw unpackedTooLarge(limits.maxUnpackedBytes);
    writeFile(inside(targetDir, file.path), content, file);
    faultPoint('bundle.half');
    return { ...file, sha256: createHash('sha256').update(content).digest('hex') };
  });

  faultPoint('bundle.written');
  // Files first, then the directories that name them, deepest first, so that no durable name lacks its content.
  await fsyncAll(plan.files.map(({ path }) => inside(targetDir, path)));
  await fsyncAll(plan.directories.reverse().map((directory) => inside(targetDir, directory)));
  await fsyncAll([targetDir]);
  return { digest: digestManifest(manifest), sizeBytes, entries: manifest.length, config };
}

function readArchive(zipPath: string, maxZipBytes: number): Buffer {
  const fd = fs.openSync(zipPath, O_RDONLY | O_NOFOLLOW);
  try {
    const { size } = fs.fstatSync(fd);
    if (size > maxZipBytes) {
      const message = `The archive has ${size} bytes; ${maxZipBytes} are allowed. Leave out what the function does not need.`;
      throw new GlambdarError('BUNDLE_TOO_LARGE', message);
    }
    return fs.readFileSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Reads entries' data through adm-zip, once it is certain that it understands the archive as `zip-directory.ts` does. */
function createInflate(zip: Buffer, entries: readonly ZipEntry[]) {
  let read: AdmZip.IZipEntry[];
  try {
    read = new AdmZip(zip, { noSort: true, decoder: FLAT_NAMES }).getEntries();
  } catch (cause) {
    throw new GlambdarError('INVALID_BUNDLE', 'The archive cannot be read. Make it again.', { cause });
  }
  const byEntry = new Map(entries.map((entry, index) => [entry, read[index]]));
  for (const [entry, other] of byEntry) {
    const same =
      other !== undefined &&
      other.rawEntryName.equals(entry.rawName) &&
      other.isDirectory === entry.directory &&
      other.header.offset === entry.headerOffset &&
      other.header.method === entry.method &&
      other.header.size === entry.size &&
      other.header.compressedSize === entry.compressedSize &&
      other.header.crc === entry.crc;
    if (!same) throw invalidEntry(entry.rawName, 'can be understood in two ways. Make the archive again.');
  }
  return (entry: ZipEntry): Buffer => {
    let content: Buffer;
    try {
      // Never more than the declared size, which is within the limit by now; the checksum is compared as well.
      content = byEntry.get(entry)!.getData();
    } catch (cause) {
      throw invalidEntry(
        entry.rawName,
        'is damaged, or bigger than it declares. Upload it again, or make it again.',
        cause,
      );
    }
    if (content.length !== entry.size) {
      const sizes = `declares ${entry.size} bytes and has ${content.length}. Make the archive again.`;
      throw invalidEntry(entry.rawName, sizes);
    }
    return content;
  };
}

/** The last line of defence behind the name rules: no path leaves the target. */
function inside(targetDir: string, path: string): string {
  const absolute = resolve(targetDir, path);
  if (!absolute.startsWith(`${targetDir}/`))
    throw invalidEntry(path, 'lies outside the archive. Make the archive again.');
  return absolute;
}

function writeFile(path: string, content: Buffer, { executable }: PlannedFile): void {
  const fd = fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    for (let written = 0; written < content.length;) written += fs.writeSync(fd, content, written);
    fs.fchmodSync(fd, executable ? 0o755 : 0o644);
  } finally {
    fs.closeSync(fd);
  }
}

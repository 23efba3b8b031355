/** Owns extracting an archive in the thread of a test, and showing what it became. */
import fs from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import {
  extractHere,
  type BundleJob,
  type ExtractedBundle,
} from '../../src/deploy/archive/bundle-extract.js';
import { temporaryDirectory } from './temporary-directory.js';

export interface Extracted {
  bundle: ExtractedBundle;
  targetDir: string;
  /** Content of each file by its path, `null` for each folder. */
  tree: Record<string, string | null>;
}

/** Extracts within 1 MB packed, 100 kB unpacked, 50 entries. */
export async function extract(
  t: ExecutionContext,
  format: string,
  archive: Buffer,
  options: Pick<BundleJob['source'], 'packaging'> & { limits?: Partial<BundleJob['limits']> } = {},
): Promise<Extracted> {
  const dir = temporaryDirectory(t);
  const path = join(dir, 'archive');
  const targetDir = join(dir, 'target');
  fs.writeFileSync(path, archive);
  fs.mkdirSync(targetDir);
  const limits = { maxArchiveBytes: 1_000_000, maxUnpackedBytes: 100_000, maxEntries: 50, ...options.limits };
  const { packaging } = options;
  const bundle = await extractHere({ source: { format, path, packaging }, targetDir, limits });
  return { bundle, targetDir, tree: treeOf(targetDir) };
}

/** Content of each file below a folder by its path, `null` for each folder, in the order of the paths. */
export function treeOf(dir: string): Record<string, string | null> {
  const entries = fs.readdirSync(dir, { recursive: true, withFileTypes: true });
  const list = entries.map((entry): [string, string | null] => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(dir.length + 1), entry.isDirectory() ? null : fs.readFileSync(path, 'utf8')];
  });
  return Object.fromEntries(list.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Owns the test of archives that must be refused. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { GlambdarError, type ErrorCode } from '../../src/errors.js';
import { extractHere } from '../../src/deploy/archive/bundle-extract.js';
import { buildZip, type HostileEntry } from './hostile-zip.js';

const LIMITS = { maxArchiveBytes: 1_000_000, maxUnpackedBytes: 100_000, maxEntries: 50 };

export const GOOD: HostileEntry = { name: 'index.js', content: 'module.exports = 1' };

/** One bad entry after a good one: refused whole. */
export function withEntry(entry: HostileEntry): Buffer {
  return buildZip([GOOD, entry]);
}

export interface Refusal {
  code?: ErrorCode;
  /** Whether only inflating shows what is wrong; everything else must be known before a byte is written. */
  whenInflating?: boolean;
  /** A format of `SOURCE_READERS`; default: zip. */
  format?: string;
}

/** Extracts in this thread, within 1 MB zipped, 100 kB unpacked, 50 entries, and expects a sentence like `message`. */
export const refuses = test.macro({
  title: (condition) => `extractHere refuses an archive ${condition ?? ''}`,
  async exec(
    t,
    archive: Buffer,
    message: RegExp,
    { code = 'INVALID_BUNDLE', whenInflating = false, format = 'zip' }: Refusal = {},
  ) {
    const dir = mkdtempSync(join(tmpdir(), 'glambdar-hostile-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const path = join(dir, 'upload');
    const targetDir = join(dir, 'target');
    writeFileSync(path, archive);
    mkdirSync(targetDir);

    const extraction = extractHere({ source: { format, path }, targetDir, limits: LIMITS });
    const error = await t.throwsAsync(extraction, { instanceOf: GlambdarError });

    t.is(error.code, code);
    t.regex(error.message, message);
    t.regex(error.message, /\.$|\)\.$/, 'it is a sentence');
    t.notRegex(error.message, /[\p{Cc}\p{Cf}]/u, 'it can be shown in a terminal');
    t.deepEqual(readdirSync(dir).sort(), ['target', 'upload'], 'nothing is written beside the target');
    if (!whenInflating) t.deepEqual(readdirSync(targetDir), [], 'nothing is written');
  },
});

/** Owns directories of tests of the store: made for one test, gone with it. */
import type { ExecutionContext } from 'ava';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'glambdar-store-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Owns directories of tests: made for one test, gone with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

export function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'glambdar-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

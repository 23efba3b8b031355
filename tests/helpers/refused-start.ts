/** Owns starts that are expected to end at once with one sentence for the operator. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';

/**
 * Runs the compiled server until it ends. Asserts that it ended with code 1 and wrote one line to stderr, and nothing to stdout.
 * @returns that line
 */
export async function refusedStart(
  t: ExecutionContext,
  entry: string,
  env: Record<string, string>,
): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'glambdar-refused-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const child = execFile(process.execPath, [entry], {
    env: { PATH: process.env['PATH'], HOME: dir, GLAMBDAR_DIR: dir, GLAMBDAR_PORT: '0', ...env },
    timeout: 40_000,
    killSignal: 'SIGKILL',
  });
  const written = { stdout: '', stderr: '' };
  child.stdout!.on('data', (text: string) => (written.stdout += text));
  child.stderr!.on('data', (text: string) => (written.stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  t.is(code, 1, written.stderr);
  t.is(written.stdout, '');
  t.regex(written.stderr, /^glambdar: [^\n]+[.\w]\n$/, 'one line, no stack');
  return written.stderr;
}

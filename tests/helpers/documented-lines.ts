/** Owns running the shell lines of an example's README as they stand there, beside the answers that stand below them. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Runs the first block of shell lines in the README of a folder, in that folder and in one shell, against the server at this
 * address. Lines that begin with `# ` are what the lines before them print.
 * @returns lines that were printed and lines that should be, without empty ones
 */
export async function runDocumented(
  folder: string,
  url: string,
): Promise<{ said: string[]; expected: string[] }> {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const [, block = ''] = /```sh\n([^]*?)```/.exec(readme) ?? [];
  const script: string[] = [];
  const expected: string[] = [];
  for (const line of block.replaceAll('http://127.0.0.1:8000', url).split('\n')) {
    if (line.startsWith('# ')) expected.push(line.slice(2));
    // Not every answer ends its line.
    else if (line !== '') script.push(line, line.includes('curl') ? 'echo' : 'true');
  }
  const { stdout } = await promisify(execFile)('bash', ['-c', script.join('\n')], {
    cwd: folder,
    timeout: 120_000,
  });
  return { said: stdout.split('\n').filter((line) => line !== ''), expected };
}

/** README's quick start, run as it is written. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { integration } from '../helpers/integration.js';
import { serverForFile } from '../helpers/server-process.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const server = serverForFile({ env: { GLAMBDAR_STANDBY: '2', GLAMBDAR_UID_BASE: '740000' } });

/** The first block of shell commands below a heading. */
function block(heading: string): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, commands = ''] = new RegExp(`\n## ${heading}\n[^]*?\`\`\`sh\n([^]*?)\`\`\``).exec(readme) ?? [];
  return commands.replaceAll('http://127.0.0.1:8000', server().url);
}

integration("README's quick start does what it says", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'glambdar-readme-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  // The commands are run in the checkout; here only the one file of it that they need is there.
  symlinkSync(join(root, 'scripts'), join(folder, 'scripts'));
  const commands = block('Quick start');
  t.regex(commands, /^curl -F file=@hello\.zip/m);
  const { stdout } = await run('bash', ['-euc', commands.replaceAll(/^(curl .*)$/gm, '$1\necho')], {
    cwd: folder,
    timeout: 60_000,
  });
  const lines = stdout.split('\n').filter((line) => line !== '');
  const [, deployed, answer, info, logs, deleted] = lines;
  t.regex(deployed ?? '', /^\{"function":"hello","status":"deployed","version":1,/);
  t.is(answer, '{"message":"Hello, Ada!"}');
  t.like(JSON.parse(info ?? ''), { count: 1 });
  t.like(JSON.parse(logs ?? '')[0], { funcName: 'hello', status: 200, stdout: 'greeting Ada\n' });
  t.is(deleted, '{"deleted":"hello"}');
});

/** The commands in docs/, run as they are written: they print what the pages say. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { integration } from '../helpers/integration.js';
import { serverForFile } from '../helpers/server-process.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const server = serverForFile({ env: { GLAMBDAR_STANDBY: '2', GLAMBDAR_FUNCTIONS_PORT: '0' } });

/** Pages whose commands need a server, curl and the repository alone, and how many of their blocks are run. */
const PAGES = { 'functions.md': 5, 'api.md': 4, 'publishing.md': 3 };

/** Blocks that are run elsewhere: `npm` and `docker` need a registry or change this machine. */
const RUN_ELSEWHERE = /\bnpm (?!start)|\bnpx |\bdocker |dependencies/;
const STARTS_SERVER = /^.*\bnpm start$/gm;
const STEP = '--- step';

/** The blocks of shell commands of a page. Each comes with the lines that it should print: `# …` below a command. */
function blocks(page: string): string[] {
  const text = readFileSync(join(root, 'docs', page), 'utf8');
  return [...text.matchAll(/```sh\n([^]*?)```/g)]
    .map(([, block = '']) => block.replaceAll(STARTS_SERVER, ''))
    .filter((block) => !RUN_ELSEWHERE.test(block));
}

/** Splits a block into commands, each with the lines that the page shows below it. */
function stepsOf(block: string): { command: string; shown: string[] }[] {
  const steps: { command: string; shown: string[] }[] = [];
  let isOpen = false;
  for (const line of block.split('\n').filter((each) => each !== '')) {
    const last = steps.at(-1);
    if (line.startsWith('# ')) last?.shown.push(line.slice(2));
    else if (isOpen && last !== undefined) last.command += `\n${line}`;
    else steps.push({ command: line, shown: [] });
    isOpen = line.endsWith('\\');
  }
  return steps;
}

/** A line without what differs from run to run. */
function comparable(line: string): string {
  return line
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/sha256:[0-9a-f]+/g, 'sha256:<digest>')
    .replaceAll(/"version":\d+/g, '"version":<number>')
    .trimEnd();
}

/** Whether a line was printed: `…` on the page stands for anything. */
function isPrinted(shown: string, printed: readonly string[]): boolean {
  const parts = shown.split('…').map((part) => comparable(part).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`^${parts.join('.*')}$`);
  return printed.some((line) => pattern.test(comparable(line)));
}

for (const [page, count] of Object.entries(PAGES))
  integration(`the commands of docs/${page} print what the page says`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'glambdar-docs-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    symlinkSync(join(root, 'scripts'), join(folder, 'scripts'));
    cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
    mkdirSync(join(folder, 'hello'));
    const [, code = ''] =
      /```js\n(\/\/ hello\/index\.js[^]*?)```/.exec(readFileSync(join(root, 'docs/functions.md'), 'utf8')) ??
      [];
    writeFileSync(join(folder, 'hello/index.js'), code);
    await run('node', ['scripts/zip.mjs', 'hello', 'hello.zip'], { cwd: folder });

    const all = blocks(page);
    t.true(all.length >= count, `${all.length} blocks`);
    for (const block of all) {
      const steps = stepsOf(block);
      const script = steps.map(({ command }) => `${command}\nprintf '\\n${STEP}\\n'`).join('\n');
      const here = script
        .replaceAll('http://127.0.0.1:8000', server().url)
        .replaceAll('http://127.0.0.1:8001', server().functionsUrl);
      const { stdout } = await run('bash', ['-euc', here], {
        cwd: folder,
        env: { ...process.env, TOKEN: 'a token for the docs' },
        timeout: 60_000,
      });
      const printed = stdout
        .replaceAll(server().url, 'http://127.0.0.1:8000')
        .split(`${STEP}\n`)
        .map((text) => text.split('\n'));
      for (const [index, { command, shown }] of steps.entries())
        for (const line of shown)
          t.true(
            isPrinted(line, printed[index] ?? []),
            `${command}\nshould print ${line}\n${printed[index]?.join('\n')}`,
          );
    }
  });

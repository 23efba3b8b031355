/** The scripts that complete the command line, each tried in its own shell where that shell is installed. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { completionScript } from '../../../src/cli/commands/completion.js';
import { createProgram } from '../../../src/cli/program.js';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

/** Typed so far → the word that it is completed to, where there is one only. */
const SINGLE: [typed: string, completed: string][] = [
  ['glambdar roll', 'rollback'],
  ['glambdar delet', 'delete'],
  ['glambdar keys cr', 'create'],
  ['glambdar keys create --ro', '--role'],
  ['glambdar create --te', '--template'],
  ['glambdar secrets list --se', '--server'],
  ['glambdar completion z', 'zsh'],
  // What stands where a path or a name stands is no command.
  ['glambdar deploy list --pr', '--profile'],
  ['glambdar info --he', '--help'],
];

/** Writes the script of a shell into a folder of its own. */
function scriptOf(t: ExecutionContext, shell: string): string {
  const file = join(temporaryDirectory(t), '_glambdar');
  writeFileSync(file, completionScript(shell, createProgram()));
  return file;
}

const isHere = (program: string): boolean => spawnSync(program, ['-c', 'exit 0']).status === 0;

test('bash completes commands, their aliases, options and arguments', (t) => {
  const file = scriptOf(t, 'bash');
  const complete = (typed: string): string[] => {
    const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _glambdar; echo "\${COMPREPLY[@]}"`;
    const words = typed.split(' ');
    return execFileSync('bash', ['-c', script, 'bash', file, ...words], { encoding: 'utf8' })
      .trim()
      .split(' ');
  };
  for (const [typed, completed] of SINGLE) t.deepEqual(complete(typed), [completed], typed);
  t.deepEqual(complete('glambdar keys '), ['list', 'create', 'change', 'rm']);
  // Files may follow here, which bash itself completes.
  t.deepEqual(complete('glambdar deploy '), ['']);
});

test('fish completes commands, their aliases, options and arguments', (t) => {
  if (!isHere('fish')) {
    t.log('fish is not installed here: its script is not tried');
    t.regex(completionScript('fish', createProgram()), /^complete -c glambdar /m);
    return;
  }
  const file = scriptOf(t, 'fish');
  const complete = (typed: string): string[] =>
    execFileSync('fish', ['--no-config', '-c', `source ${file}; complete -C '${typed}'`], {
      encoding: 'utf8',
      env: { ...process.env, HOME: join(file, '..'), XDG_CONFIG_HOME: join(file, '..') },
    })
      .trim()
      .split('\n')
      .map((line) => line.split('\t')[0] ?? '');
  for (const [typed, completed] of SINGLE) t.deepEqual(complete(typed), [completed], typed);
  t.deepEqual(complete('glambdar keys '), ['change', 'create', 'list', 'rm']);
  t.true(
    complete('glambdar deploy ').includes('_glambdar') || complete('glambdar deploy /').includes('/etc/'),
  );
});

for (const [how, setUp] of [
  ['read by source', 'autoload -U compinit; compinit -u -D; source FILE'],
  ['read by source before completion is set up', 'source FILE'],
  ['found in fpath', 'fpath=(FOLDER $fpath); autoload -U compinit; compinit -u -D'],
] as const)
  test(`zsh completes commands, their aliases, options and arguments, by a script that is ${how}`, async (t) => {
    const file = scriptOf(t, 'zsh');
    if (!isHere('zsh')) {
      t.log(
        'zsh is not installed here: only that its script parses is tried, by bash, whose language is near',
      );
      t.is(spawnSync('bash', ['-n', file], { encoding: 'utf8' }).stderr, '');
      return;
    }
    const terminal = new Terminal(t, join(file, '..'));
    await terminal.type(
      `PS1='> '; ${setUp.replace('FILE', file).replace('FOLDER', join(file, '..'))}; echo set-\\up\n`,
      'set-up\r\n',
    );
    // A word that is completed gets a space behind it, and Ctrl-U begins anew.
    for (const [typed, completed] of SINGLE) {
      const before = typed.slice(0, typed.lastIndexOf(' ') + 1);
      await t.notThrowsAsync(terminal.type(`${typed}\t`, `${before}${completed} `), typed);
      await terminal.type('\u0015echo cleared\n', 'cleared\r\n');
    }
  });

/** A zsh without anybody's configuration, on a pseudo-terminal. */
class Terminal {
  readonly #shell;
  #shown = '';
  #look: () => void = () => undefined;

  constructor(t: ExecutionContext, home: string) {
    this.#shell = spawn('script', ['--quiet', '--command', 'zsh -f -i', '/dev/null'], {
      cwd: home,
      env: { PATH: process.env['PATH'], HOME: home, TERM: 'dumb', COLUMNS: '200' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    t.teardown(() => this.#shell.kill('SIGKILL'));
    this.#shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#shown += text;
      this.#look();
    });
  }

  /** Types the text, and waits until the other one is shown. */
  async type(text: string, expected: string): Promise<void> {
    this.#shown = '';
    this.#shell.stdin.write(text);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`shown is ${JSON.stringify(this.#shown)}, not ${JSON.stringify(expected)}`)),
        20_000,
      );
      this.#look = () => {
        if (!this.#shown.includes(expected)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#look();
    });
  }
}

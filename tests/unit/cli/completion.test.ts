/** The scripts that complete the command line: read as text everywhere, and tried in the shells that this machine has. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Command } from 'commander';
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

/** What may follow some words, as a script says it: place → its words and options, in any order. */
type Places = Record<string, string[]>;

/** What the program itself says: every command and alias, every option, the values of a first argument. */
function placesOf(command: Command, path = ''): Places {
  const names = (one: Command): string[] => [one.name(), ...one.aliases()];
  const flags = command.options.flatMap(({ short, long }) => [short, long]);
  const own = [
    ...command.commands.flatMap(names),
    ...(command.registeredArguments[0]?.argChoices ?? []),
    ...flags.filter((flag) => flag !== undefined),
    '--help',
  ];
  const inner = command.commands.flatMap((one) =>
    names(one).map((name) => placesOf(one, `${path} ${name}`.trim())),
  );
  return Object.assign({ [path]: own.sort() }, ...inner) as Places;
}

/** Blocks of a shell that are opened and closed by the first word of a line. Throws for one that is closed by another's end. */
function openBlocks(script: string, ends: Record<string, string>): string[] {
  const open: string[] = [];
  for (const line of script.split('\n')) {
    const [first = ''] = line.trim().split(' ');
    const isWhole = new RegExp(`[; ](?:${Object.values(ends).join('|')})$`).test(line);
    if (first in ends && !isWhole) open.push(ends[first] ?? '');
    else if (Object.values(ends).includes(first) && open.pop() !== first)
      throw new Error(`${first} closes nothing: ${line}`);
  }
  return open;
}

/** The places in a script of bash or zsh, whose lists stand between double quotes. */
function placesInCases(script: string): Places {
  const cases = script.matchAll(/^ {4}"([\w -]*)"\) nexts="([\w -]*)" flags="([\w -]*)" ;;$/gm);
  return Object.fromEntries(
    [...cases].map(([, path = '', nexts = '', flags = '']) => [
      path,
      `${nexts} ${flags}`.trim().split(/ +/).sort(),
    ]),
  );
}

/** The words of a line of fish. Throws for a quote that does not end. */
function fishWords(line: string): string[] {
  const whole = /^(?: *(?:'(?:[^'\\]|\\['\\])*'|[\w./:@=-]+))* *$/;
  if (!whole.test(line)) throw new Error(`no line of fish: ${line}`);
  return [...line.matchAll(/'((?:[^'\\]|\\['\\])*)'|[\w./:@=-]+/g)].map(([word, inside]) =>
    inside === undefined ? word : inside.replace(/\\(['\\])/g, '$1'),
  );
}

for (const shell of ['bash', 'zsh'])
  test(`the script for ${shell}, read as text, knows every command, alias and option, and closes what it opens`, (t) => {
    const script = completionScript(shell, createProgram());
    const expected = placesOf(createProgram());
    t.true(Object.keys(expected).length > 40);
    t.deepEqual(placesInCases(script), expected);
    for (const place of Object.keys(expected)) t.true(script.includes(`|${place}|`), place);
    const ends = { for: 'done', case: 'esac', if: 'fi', '_glambdar()': '}' };
    t.deepEqual(openBlocks(script, ends), []);
    t.is((script.match(/"/g)?.length ?? 1) % 2, 0, 'quotes come in pairs');
  });

test('the script for fish, read as text, knows every command, alias and option, and closes what it opens', (t) => {
  const script = completionScript('fish', createProgram());
  const expected = placesOf(createProgram());
  const found: Places = {};
  for (const line of script.split('\n').filter((one) => one.startsWith('complete '))) {
    const words = fishWords(line);
    t.deepEqual(words.slice(0, 4), ['complete', '-c', 'glambdar', '-n'], line);
    const [, place] = /^__glambdar_at '(.*)'$/.exec(words[4] ?? '') ?? [];
    const [flag = '', text = '', ...rest] = words.slice(5);
    const list = (found[place ?? line] ??= []);
    if (flag === '-f') continue;
    list.push({ '-a': '', '-l': '--', '-s': '-' }[flag] + text);
    t.is(rest.at(-2), '-d', line);
    t.true(rest.length === 2 || (rest.length === 3 && rest[0] === '-r'), line);
  }
  for (const list of Object.values(found)) list.sort();
  t.deepEqual(found, expected);
  t.deepEqual(openBlocks(script, { function: 'end', for: 'end', if: 'end' }), []);
});

const isHere = (program: string): boolean => spawnSync(program, ['-c', 'exit 0']).status === 0;

/** A test in a shell. Where the shell is not installed, the run says so by the name of a test that is still to be done. */
function inShell(shell: string, title: string, body: (t: ExecutionContext) => void | Promise<void>): void {
  if (isHere(shell)) test(title, body);
  else test.todo(`${title} (not tried: ${shell} is not installed on this machine)`);
}

inShell('bash', 'bash completes commands, their aliases, options and arguments', (t) => {
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

inShell('fish', 'fish completes commands, their aliases, options and arguments', (t) => {
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
  inShell(
    'zsh',
    `zsh completes commands, their aliases, options and arguments, by a script that is ${how}`,
    async (t) => {
      const file = scriptOf(t, 'zsh');
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
    },
  );

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

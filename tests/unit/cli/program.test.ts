/** What holds for every command by its definition, and how the real program refuses a command line that is wrong. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import type { Command } from 'commander';
import { createProgram } from '../../../src/cli/program.js';

const root = join(import.meta.dirname, '../../..');

function leavesOf(command: Command, words: string[] = []): [words: string, command: Command][] {
  if (command.commands.length === 0) return [[words.join(' '), command]];
  return command.commands.flatMap((inner) => leavesOf(inner, [...words, inner.name()]));
}

test('every command but those that print no result takes --json', (t) => {
  t.deepEqual(
    leavesOf(createProgram())
      .filter(([, command]) => !command.options.some(({ long }) => long === '--json'))
      .map(([words]) => words),
    ['start', 'completion'],
  );
});

test('the help of every command has an example of its own', (t) => {
  for (const [words, command] of leavesOf(createProgram())) {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) });
    command.outputHelp();
    t.true(
      help.includes('Examples:\n') && help.split('Examples:\n')[1]?.includes(`glambdar ${words}`),
      words,
    );
  }
});

test('a command line that is wrong is refused with 2, as JSON for programs', (t) => {
  for (const [args, sentence] of [
    [['list', '--nope'], "unknown option '--nope'"],
    [['nope'], "unknown command 'nope'"],
    [['invoke'], "missing required argument 'name'"],
    [['keys', 'make'], "unknown command 'make'"],
    [['users', 'change', 'ada', '--may-bridge', 'perhaps'], "'perhaps' is invalid"],
  ] as const) {
    const run = (...more: string[]) =>
      spawnSync(process.execPath, ['--import=tsx', 'src/cli/main.ts', ...args, ...more], {
        cwd: root,
        encoding: 'utf8',
      });
    const told = run('--json');
    t.is(told.status, 2, args.join(' '));
    t.is(told.stdout, '');
    const { error, code, details } = JSON.parse(told.stderr) as Record<string, unknown>;
    t.true(String(error).includes(sentence), String(error));
    t.deepEqual([code, details], [null, '']);
  }
  const people = spawnSync(process.execPath, ['--import=tsx', 'src/cli/main.ts', 'list', '--nope'], {
    cwd: root,
    encoding: 'utf8',
  });
  t.is(
    people.stderr,
    "error: unknown option '--nope'\n(`--help` after a command shows its options and examples)\n",
  );
});

/** That no command is without a test that runs it as its user does. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { Command } from 'commander';
import { createProgram } from '../../../src/cli/program.js';

const folder = join(import.meta.dirname, '../../integration');

/** Words of every command that does something, such as `keys create`. */
function pathsOf(command: Command, words: string[] = []): string[][] {
  if (command.commands.length === 0) return [words];
  return command.commands.flatMap((inner) => pathsOf(inner, [...words, inner.name()]));
}

test('every command is run by a test against a real server', (t) => {
  const tests = readdirSync(folder)
    .filter((file) => /^cli.*\.test\.ts$/.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  const paths = pathsOf(createProgram());
  t.true(paths.length > 30);
  // As the tests write arguments: 'keys', 'create'. Words of `service` stand behind those of its group.
  const isRun = (words: string[]): boolean => {
    const spelt = words.map((word) => `'${word}'`).join(',\\s*');
    const group = words[0] === 'service' ? `service\\('${words[1]}'` : '(?!)';
    return new RegExp(`${spelt}|${group}`).test(tests);
  };
  t.deepEqual(
    paths.filter((words) => !isRun(words)).map((words) => words.join(' ')),
    [],
  );
  t.false(isRun(['keys', 'forget']));
});
